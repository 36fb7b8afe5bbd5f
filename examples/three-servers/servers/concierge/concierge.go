// Package concierge gives a client certificate for a token. It has no key of its own: an agent beside it can see the
// authority's files, and what the agent prints is handed to this server.
package concierge

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"harbour/serve"
)

// Valid is how long a certificate is.
const Valid = 5 * time.Minute

type concierge struct {
	supervisor string
	// What the agent printed, kept where only this server can write: the root is read-only.
	signer string
	client *http.Client
}

// New reads $SUPERVISOR, the address of the supervisor, and $SIGNER, where to keep the authority.
func New() (http.Handler, error) {
	c := concierge{
		supervisor: serve.Setting("SUPERVISOR", "http://supervisor:8080"),
		signer:     serve.Setting("SIGNER", "/tmp/signer"),
		client:     &http.Client{Timeout: 5 * time.Second},
	}
	mux := http.NewServeMux()
	mux.HandleFunc("PUT /signer", c.takeSigner)
	mux.HandleFunc("POST /certificate", c.certificate)
	return mux, nil
}

func (c concierge) takeSigner(out http.ResponseWriter, request *http.Request) {
	printed, err := io.ReadAll(request.Body)
	if err == nil {
		_, _, err = parse(printed)
	}
	if err == nil {
		err = os.WriteFile(c.signer, printed, 0o600)
	}
	if err != nil {
		http.Error(out, err.Error(), http.StatusBadRequest)
		return
	}
	out.WriteHeader(http.StatusNoContent)
}

func (c concierge) certificate(out http.ResponseWriter, request *http.Request) {
	token, found := strings.CutPrefix(request.Header.Get("Authorization"), "Bearer ")
	user, err := c.user(token)
	if !found || err != nil {
		http.Error(out, fmt.Sprintf("the token is not good: %v", err), http.StatusUnauthorized)
		return
	}
	printed, err := os.ReadFile(c.signer)
	if err != nil {
		http.Error(out, "the agent has not told the authority yet", http.StatusServiceUnavailable)
		return
	}
	certificate, key, err := issue(printed, user)
	if err != nil {
		http.Error(out, err.Error(), http.StatusInternalServerError)
		return
	}
	serve.JSON(out, map[string]string{"certificate": certificate, "key": key})
}

// user checks the token against the supervisor's keys.
func (c concierge) user(token string) (string, error) {
	parsed, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		return "", err
	}
	answer, err := c.client.Get(c.supervisor + "/jwks.json")
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	var keys jose.JSONWebKeySet
	if err := json.NewDecoder(io.LimitReader(answer.Body, serve.Largest)).Decode(&keys); err != nil {
		return "", err
	}
	var claims jwt.Claims
	if err := parsed.Claims(keys, &claims); err != nil {
		return "", err
	}
	expected := jwt.Expected{Issuer: "harbour-supervisor", AnyAudience: jwt.Audience{"harbour"}, Time: time.Now()}
	return claims.Subject, claims.Validate(expected)
}

// parse reads what the agent printed: the object that `deckhand print` makes, or two PEM files one after the other,
// as `sh -c 'cat CERT; echo; echo; cat KEY'` has them.
func parse(printed []byte) (*x509.Certificate, crypto.Signer, error) {
	var files struct {
		Certificate []byte `json:"tls.crt"`
		Key         []byte `json:"tls.key"`
	}
	if bytes.HasPrefix(printed, []byte("{")) {
		if err := json.Unmarshal(printed, &files); err != nil {
			return nil, nil, err
		}
	} else {
		first, rest := pem.Decode(printed)
		if first == nil {
			return nil, nil, errors.New("expected what the agent prints, found no PEM")
		}
		files.Certificate, files.Key = pem.EncodeToMemory(first), rest
	}
	certificate, _ := pem.Decode(files.Certificate)
	key, _ := pem.Decode(files.Key)
	if certificate == nil || key == nil {
		return nil, nil, errors.New("expected a certificate and a key")
	}
	authority, err := x509.ParseCertificate(certificate.Bytes)
	if err != nil {
		return nil, nil, err
	}
	secret, err := x509.ParsePKCS8PrivateKey(key.Bytes)
	if err != nil {
		return nil, nil, err
	}
	signer, ok := secret.(crypto.Signer)
	if !ok {
		return nil, nil, errors.New("expected a key that can sign")
	}
	return authority, signer, nil
}

func issue(printed []byte, user string) (string, string, error) {
	authority, signer, err := parse(printed)
	if err != nil {
		return "", "", err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", "", err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return "", "", err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: user}, NotBefore: now.Add(-time.Minute), NotAfter: now.Add(Valid),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	made, err := x509.CreateCertificate(rand.Reader, template, authority, key.Public(), signer)
	if err != nil {
		return "", "", err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return "", "", err
	}
	block := func(kind string, content []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: content}))
	}
	return block("CERTIFICATE", made), block("PRIVATE KEY", secret), nil
}
