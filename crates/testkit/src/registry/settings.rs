//! What a registry can and wants.

/// How a registry is set up. The default can all and asks nobody who they are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settings {
    /// Who may do what.
    pub auth: Auth,
    /// Redirects whoever fetches a blob to `URL/storage/DIGEST`; another registry's address for `URL` makes that one the
    /// storage host. It must have the blob in any repository.
    pub redirect_blobs: Option<String>,
    /// Takes blobs over from other repositories.
    pub mount: bool,
    /// Takes a blob in one PUT; else it wants pieces (PATCH), and answers 413.
    pub monolithic: bool,
    /// How long a piece must be, apart from the last one.
    pub least_piece: Option<u64>,
    /// Keeps lists of referrers.
    pub referrers: bool,
    /// Deletes manifests.
    pub delete: bool,
    /// Deletes tags.
    pub delete_tags: bool,
    /// The most entries of a page of tags or referrers.
    pub page: usize,
    /// Tells versions of manifests (`ETag`), and replaces only what a request says that it replaces.
    pub versions: bool,
    /// Says digests in headers.
    pub digest_headers: bool,
    /// Answers requests for a part of a blob with the part.
    pub ranges: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            auth: Auth::None,
            redirect_blobs: None,
            mount: true,
            monolithic: true,
            least_piece: None,
            referrers: true,
            delete: true,
            delete_tags: true,
            page: 1000,
            versions: false,
            digest_headers: true,
            ranges: true,
        }
    }
}

/// Who may do what.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Auth {
    /// Everybody everything.
    None,
    /// One user, by name and password with each request.
    Basic {
        /// The name.
        user: String,
        /// The password.
        password: String,
    },
    /// Whoever has a token. The registry hands tokens out itself, at `/token`.
    Bearer {
        /// The name that tokens are handed out to.
        user: String,
        /// Its password.
        password: String,
        /// What is traded for tokens in place of both.
        identity: Option<String>,
        /// Whether anybody gets a token to pull.
        anonymous_pull: bool,
        /// Where the challenge sends to. None: to this registry.
        realm: Option<String>,
        /// For how many seconds tokens hold.
        life: u64,
    },
}

impl Auth {
    /// One user, by name and password.
    pub fn basic(user: &str, password: &str) -> Self {
        Self::Basic { user: user.to_owned(), password: password.to_owned() }
    }

    /// Tokens for one user, and for nobody else.
    pub fn bearer(user: &str, password: &str) -> Self {
        Self::Bearer {
            user: user.to_owned(),
            password: password.to_owned(),
            identity: None,
            anonymous_pull: false,
            realm: None,
            life: 300,
        }
    }
}
