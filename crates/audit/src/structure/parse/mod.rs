//! From the text of a test file to its tests, with every complaint at its place.

mod options;
#[cfg(test)]
mod tests;
mod values;

use std::cell::Cell;
use std::path::Path;

use bareboat_formats::yaml::{self, Node};
use bareboat_model::{Error, ImagePath, Result, escape};

use super::Pattern;
use super::path::image_path;
use super::schema::{
    CommandTest, ContentTest, Executor, ExistenceTest, Expected, ExpectedValue, LicenceTest, MetadataTest,
    RunOptions, Test, TestFile, TestKind, Variable,
};
use values::{Source, Table};

/// More tests than anybody writes by hand.
const MOST_TESTS: usize = 2_000;

/// Compiling a hostile one takes milliseconds.
const MOST_PATTERNS: usize = 2_000;

/// The schemas that exist (container-structure-test, pkg/types/types.go).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Schema {
    V1,
    V2,
}

const SECTIONS_V1: [&str; 6] = [
    "schemaVersion",
    "globalEnvVars",
    "commandTests",
    "fileExistenceTests",
    "fileContentTests",
    "licenseTests",
];
const SECTIONS_V2: [&str; 8] = [
    "schemaVersion",
    "globalEnvVars",
    "commandTests",
    "fileExistenceTests",
    "fileContentTests",
    "licenseTests",
    "metadataTest",
    "containerRunOptions",
];

/// Reads the test file in `text`: YAML, or JSON, which is YAML too. `file` is what messages call it; nothing is read from
/// disk.
///
/// # Errors
/// For whatever is wrong in the text: with file, line and column, the line itself, and a guess at what was meant.
///
/// ```
/// use std::path::Path;
/// let text = "schemaVersion: 2.0.0\nfileExistenceTests:\n- name: passwd\n  path: /etc/passwd\n";
/// let file = bareboat_audit::structure::parse(text, Path::new("base.yaml")).unwrap();
/// assert_eq!(file.tests[0].name, "passwd");
/// ```
pub fn parse(text: &str, file: &Path) -> Result<TestFile> {
    let root = yaml::parse(text, file)?;
    let patterns = Cell::new(0);
    let source = Source { text, file, patterns: &patterns };
    let schema = schema(&source, &root)?;
    let sections: &[&str] = match schema {
        Schema::V1 => &SECTIONS_V1,
        Schema::V2 => &SECTIONS_V2,
    };
    let table = source.table(&root, "the file", sections).map_err(|error| of_later_schema(error, schema))?;
    let mut tests = table.list("commandTests", |node| command(&source, node, schema))?;
    tests.extend(table.list("fileContentTests", |node| content(&source, node))?);
    tests.extend(table.list("fileExistenceTests", |node| existence(&source, node, schema))?);
    tests.extend(table.list("licenseTests", |node| licence(&source, node))?);
    if let Some(node) = table.get("metadataTest") {
        tests.extend(metadata(&source, node)?);
    }
    let shown = || escape(&file.display().to_string());
    if tests.is_empty() {
        return Err(Error::new(format!("cannot test with `{}`: it holds no tests", shown())));
    }
    if tests.len() > MOST_TESTS {
        let message = format!("it holds {} tests, expected at most {MOST_TESTS}", tests.len());
        return Err(Error::new(format!("cannot test with `{}`: {message}", shown())));
    }
    let options = table.get("containerRunOptions").map(|node| options::options(&source, node)).transpose()?;
    Ok(TestFile {
        file: file.to_owned(),
        global_env: table.list("globalEnvVars", |node| variable(&source, node))?,
        options: options.unwrap_or_else(RunOptions::default),
        tests,
    })
}

fn schema(source: &Source<'_>, root: &Node) -> Result<Schema> {
    let yaml::Value::Mapping(entries) = &root.value else {
        let found = if root.is_null() { "nothing" } else { root.kind() };
        return Err(
            source.wrong(root, &format!("the file is {found}, expected a mapping with `schemaVersion`"))
        );
    };
    let Some((_, version)) = entries.iter().find(|(key, _)| key.text == "schemaVersion") else {
        return Err(source
            .wrong(root, "key `schemaVersion` is missing")
            .with_hint("write schemaVersion: 2.0.0"));
    };
    match source.string(version, "schemaVersion")? {
        "1.0.0" => Ok(Schema::V1),
        "2.0.0" => Ok(Schema::V2),
        other => {
            let message = format!("unknown schema version `{}`, expected 2.0.0 or 1.0.0", escape(other));
            Err(source.wrong(version, &message))
        }
    }
}

fn of_later_schema(error: Error, schema: Schema) -> Error {
    let later = schema == Schema::V1
        && ["metadataTest", "containerRunOptions"]
            .iter()
            .any(|key| error.to_string().contains(&format!("`{key}`")));
    if later { error.with_hint("schema 1.0.0 does not have it: write schemaVersion: 2.0.0") } else { error }
}

fn test(table: &Table<'_>, kind: TestKind) -> Result<Test> {
    Ok(Test { name: table.required("name")?, place: table.source.place(table.node), kind })
}

fn command(source: &Source<'_>, node: &Node, schema: Schema) -> Result<Test> {
    let mut known = vec![
        "name",
        "setup",
        "teardown",
        "envVars",
        "exitCode",
        "command",
        "expectedOutput",
        "excludedOutput",
        "expectedError",
        "excludedError",
    ];
    if schema == Schema::V2 {
        known.push("args");
    }
    let table = source.table(node, "a command test", &known)?;
    let command = match schema {
        Schema::V1 => words(&table)?,
        Schema::V2 => {
            let mut command = vec![program(&table)?];
            command.extend(table.strings("args")?);
            command
        }
    };
    test(
        &table,
        TestKind::Command(CommandTest {
            setup: commands(&table, "setup")?,
            teardown: commands(&table, "teardown")?,
            env: table.list("envVars", |node| variable(source, node))?,
            command,
            exit_code: table.integer("exitCode")?.unwrap_or(0),
            expected_output: patterns(&table, "expectedOutput")?,
            excluded_output: patterns(&table, "excludedOutput")?,
            expected_error: patterns(&table, "expectedError")?,
            excluded_error: patterns(&table, "excludedError")?,
        }),
    )
}

/// Of 2.0.0: a program, whose arguments are apart.
fn program(table: &Table<'_>) -> Result<String> {
    let is_list = |node: &&Node| matches!(node.value, yaml::Value::Sequence(_));
    if let Some(list) = table.get("command").filter(is_list) {
        let message = "`command` is a list, expected text";
        return Err(table
            .source
            .wrong(list, message)
            .with_hint("in schema 2.0.0 the arguments are in `args`"));
    }
    table.required("command")
}

/// Of 1.0.0: a program with its arguments.
fn words(table: &Table<'_>) -> Result<Vec<String>> {
    let is_text = |node: &&Node| matches!(node.value, yaml::Value::Scalar { .. });
    match table.get("command") {
        Some(text) if is_text(&text) => Err(table
            .source
            .wrong(text, "`command` is text, expected a list")
            .with_hint("schema 1.0.0 has the program and its arguments in one list; 2.0.0 has `args`")),
        Some(list) => nonempty(table.source, list, "command"),
        None => Err(table.source.wrong(table.node, "key `command` is missing")),
    }
}

fn commands(table: &Table<'_>, key: &str) -> Result<Vec<Vec<String>>> {
    table.list(key, |node| nonempty(table.source, node, key))
}

fn nonempty(source: Source<'_>, node: &Node, what: &str) -> Result<Vec<String>> {
    let words = source.strings(node, what)?;
    match words.first() {
        Some(program) if !program.is_empty() => Ok(words),
        _ => Err(source.wrong(node, &format!("`{what}` names no program"))),
    }
}

fn content(source: &Source<'_>, node: &Node) -> Result<Test> {
    let table = source.table(
        node,
        "a file content test",
        &["name", "path", "expectedContents", "excludedContents"],
    )?;
    let path = table.required("path")?;
    test(
        &table,
        TestKind::Content(ContentTest {
            path: path_at(source, table.get("path").unwrap_or(node), &path)?,
            expected: patterns(&table, "expectedContents")?,
            excluded: patterns(&table, "excludedContents")?,
        }),
    )
}

fn existence(source: &Source<'_>, node: &Node, schema: Schema) -> Result<Test> {
    let mut known = vec!["name", "path", "shouldExist", "permissions"];
    if schema == Schema::V2 {
        known.extend(["uid", "gid", "isExecutableBy"]);
    }
    let table = source.table(node, "a file existence test", &known)?;
    let path = table.required("path")?;
    path_at(source, table.get("path").unwrap_or(node), &path)?;
    let executable_by = table.get("isExecutableBy").map(|node| executor(source, node)).transpose()?;
    test(
        &table,
        TestKind::Existence(ExistenceTest {
            path,
            expands: schema == Schema::V2,
            should_exist: table.boolean("shouldExist", true)?,
            permissions: table.string("permissions")?.filter(|mode| !mode.is_empty()),
            uid: id(&table, "uid")?,
            gid: id(&table, "gid")?,
            executable_by: executable_by.flatten(),
        }),
    )
}

/// -1 asks for nothing: it is the original's own default.
fn id(table: &Table<'_>, key: &str) -> Result<Option<u64>> {
    match table.integer(key)? {
        None | Some(-1) => Ok(None),
        Some(id) => u64::try_from(id).map(Some).map_err(|_| {
            let node = table.get(key).unwrap_or(table.node);
            table.source.wrong(node, &format!("`{key}` is {id}, expected a number from 0"))
        }),
    }
}

fn executor(source: &Source<'_>, node: &Node) -> Result<Option<Executor>> {
    Ok(Some(match source.string(node, "isExecutableBy")? {
        "" => return Ok(None),
        "owner" => Executor::Owner,
        "group" => Executor::Group,
        "other" => Executor::Other,
        "any" => Executor::Any,
        unknown => {
            let message =
                format!("`isExecutableBy` is `{}`, expected owner, group, other or any", escape(unknown));
            return Err(source.wrong(node, &message));
        }
    }))
}

fn licence(source: &Source<'_>, node: &Node) -> Result<Test> {
    let table = source.table(node, "a licence test", &["debian", "files"])?;
    let path = |node| path_at(source, node, source.string(node, "files")?);
    let kind = TestKind::Licence(LicenceTest {
        debian: table.boolean("debian", false)?,
        files: table.list("files", path)?,
    });
    Ok(Test { name: String::new(), place: source.place(node), kind })
}

/// None when it asks for nothing.
fn metadata(source: &Source<'_>, node: &Node) -> Result<Option<Test>> {
    const KNOWN: [&str; 11] = [
        "envVars",
        "unboundEnvVars",
        "labels",
        "entrypoint",
        "cmd",
        "exposedPorts",
        "unexposedPorts",
        "volumes",
        "unmountedVolumes",
        "workdir",
        "user",
    ];
    let table = source.table(node, "metadataTest", &KNOWN)?;
    if KNOWN.iter().all(|key| table.get(key).is_none()) {
        return Ok(None);
    }
    let whole = |key: &str| table.get(key).map(|node| source.strings(node, key)).transpose();
    let said = |key: &str| Ok::<_, Error>(table.string(key)?.filter(|text| !text.is_empty()));
    let test = MetadataTest {
        env: table.list("envVars", |node| expected(source, node, "envVars"))?,
        unbound: table.list("unboundEnvVars", |node| Ok(expected(source, node, "unboundEnvVars")?.key))?,
        labels: table.list("labels", |node| expected(source, node, "labels"))?,
        entrypoint: whole("entrypoint")?,
        cmd: whole("cmd")?,
        exposed_ports: table.strings("exposedPorts")?,
        unexposed_ports: table.strings("unexposedPorts")?,
        volumes: table.strings("volumes")?,
        unmounted_volumes: table.strings("unmountedVolumes")?,
        workdir: said("workdir")?,
        user: said("user")?,
    };
    Ok(Some(Test { name: String::new(), place: source.place(node), kind: TestKind::Metadata(test) }))
}

fn expected(source: &Source<'_>, node: &Node, what: &str) -> Result<Expected> {
    let table = source.table(node, what, &["key", "value", "isRegex"])?;
    let value = table.string("value")?.unwrap_or_default();
    let value = match table.boolean("isRegex", false)? {
        true => ExpectedValue::Matching(pattern(source, table.get("value").unwrap_or(node), &value)?),
        false => ExpectedValue::Exactly(value),
    };
    Ok(Expected { key: table.required("key")?, value })
}

fn variable(source: &Source<'_>, node: &Node) -> Result<Variable> {
    // `isRegex` means nothing here, but the schema has it.
    let table = source.table(node, "a variable", &["key", "value", "isRegex"])?;
    table.boolean("isRegex", false)?;
    let variable =
        Variable { key: table.required("key")?, value: table.string("value")?.unwrap_or_default() };
    if variable.key.contains(['=', '\0']) || variable.value.contains('\0') {
        let message = format!("`{}` cannot be a variable of the environment", escape(&variable.key));
        return Err(source.wrong(node, &message));
    }
    Ok(variable)
}

fn patterns(table: &Table<'_>, key: &str) -> Result<Vec<Pattern>> {
    table.list(key, |node| pattern(&table.source, node, table.source.string(node, key)?))
}

fn pattern(source: &Source<'_>, node: &Node, written: &str) -> Result<Pattern> {
    source.patterns.set(source.patterns.get() + 1);
    if source.patterns.get() > MOST_PATTERNS {
        return Err(source.wrong(node, &format!("more than {MOST_PATTERNS} regular expressions")));
    }
    Pattern::new(written).map_err(|error| source.wrong(node, &error.to_string()))
}

fn path_at(source: &Source<'_>, node: &Node, written: &str) -> Result<ImagePath> {
    image_path(written).map_err(|error| source.wrong(node, &error.to_string()))
}
