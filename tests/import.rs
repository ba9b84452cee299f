//! `review snapshot import` recognises exports in every form, and says what is wrong with files that are none.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

const CLUSTER: &str = "apiVersion: v1\nkind: Namespace\nmetadata: {name: kube-system, uid: u-1}\n";
const ACCOUNT: &str = r#"{"UserDetailList": [{"UserName": "u", "Arn": "arn:aws:iam::111111111111:user/u"}]}"#;
const GOOGLE_CLOUD: &str = include_str!("../src/snapshot/import/gcp/fixture.json");
const BATON: &str = include_str!("../src/snapshot/import/baton/fixture.json");
const ENTRA: &str = include_str!("../src/snapshot/import/entra/fixture.json");
const AZURE: &str = include_str!("../src/snapshot/import/azure/fixture.json");
const SCIM: &str = include_str!("../src/snapshot/import/scim/fixture.json");
const GITHUB: &str = include_str!("../src/snapshot/import/github/fixture.json");
const OKTA: &str = include_str!("../src/snapshot/import/okta/fixture.json");
const TABLE: &str = include_str!("../src/snapshot/import/csv/fixture.csv");
const ROLES: &str = "--\n-- PostgreSQL database cluster dump\n--\nCREATE ROLE a;\nALTER ROLE a WITH LOGIN PASSWORD 'md5a3556571e93b0d20722ba62be61e8c2d';\n";

/// Runs the import in a folder, and returns the exit code and all that was printed.
fn import(folder: &Path, arguments: &[&str]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_review"));
    command.args(["snapshot", "import"]).args(arguments).args(["-o", "out.json"]).current_dir(folder);
    let output = command.env_remove("REVIEW_FORMAT").env("COLUMNS", "200").stdin(Stdio::null()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.code().unwrap_or(-1), text)
}

fn folder(files: &[(&str, &[u8])]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    folder
}

/// The source of the snapshot that an import of one file wrote.
fn source(bytes: &[u8], arguments: &[&str]) -> String {
    let folder = folder(&[("f", bytes)]);
    let (code, text) = import(folder.path(), &[&["f"], arguments].concat());
    assert_eq!(code, 0, "{text}");
    let snapshot: serde_json::Value =
        serde_json::from_slice(&fs::read(folder.path().join("out.json")).unwrap()).unwrap();
    snapshot["source"].as_str().unwrap().to_owned()
}

/// What an import that must be refused says; nothing may be written.
fn refused(files: &[(&str, &[u8])], arguments: &[&str]) -> String {
    let folder = folder(files);
    let (code, text) = import(folder.path(), arguments);
    assert_eq!(code, 1, "{text}");
    assert!(!folder.path().join("out.json").exists() && text.contains("= help: "), "{text}");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = Command::new("gzip").arg("-c").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    gzip.stdin.take().unwrap().write_all(bytes).unwrap();
    gzip.wait_with_output().unwrap().stdout
}

#[test]
fn every_system_is_recognised_in_every_encoding() {
    let taken: &[&str] = &["--taken-at", "2026-01-01T00:00:00Z"];
    let fixtures = [
        (CLUSTER, "kubernetes"),
        (ACCOUNT, "aws"),
        (ROLES, "postgresql"),
        (GOOGLE_CLOUD, "gcp"),
        (BATON, "baton"),
        (ENTRA, "entra"),
        (AZURE, "azure"),
        (SCIM, "scim"),
        (GITHUB, "github"),
        (OKTA, "okta"),
        (TABLE, "csv"),
    ];
    for (text, system) in fixtures {
        let utf16: Vec<u8> = [0xff, 0xfe].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect();
        let marked = [&b"\xef\xbb\xbf"[..], text.as_bytes()].concat();
        for bytes in [text.as_bytes().to_vec(), packed(text.as_bytes()), packed(&utf16), utf16, marked] {
            assert_eq!(source(&bytes, taken), system);
        }
    }
}

#[test]
fn arrays_and_json_lines_are_read() {
    let object = |name: &str| {
        format!("{{\"apiVersion\": \"v1\", \"kind\": \"Namespace\", \"metadata\": {{\"name\": \"{name}\"}}}}")
    };
    for text in [format!("[{},{}]", object("a"), object("b")), format!("{}\n{}\n", object("a"), object("b"))] {
        let folder = folder(&[("f", text.as_bytes())]);
        let (code, said) = import(folder.path(), &["f", "--format", "json"]);
        assert_eq!(code, 0, "{said}");
        let report: serde_json::Value = serde_json::from_str(&said).unwrap();
        assert_eq!(report["counts"]["namespaces"], 2, "{said}");
    }
    assert_eq!(source(format!("[{ACCOUNT}]").as_bytes(), &[]), "aws");
    assert!(refused(&[("f", b"[]")], &["kubernetes", "f"]).contains("no Kubernetes object"), "an empty export");
}

#[test]
fn a_search_may_lack_bindings_unless_the_user_states_that_it_is_whole() {
    let folder = folder(&[("f", GOOGLE_CLOUD.as_bytes())]);
    let taken = &["f", "--taken-at", "2026-01-01T00:00:00Z"][..];
    let (code, said) = import(folder.path(), taken);
    assert!(code == 0 && said.contains("may lack access: a search with a query"), "{said}");
    assert_eq!(import(folder.path(), &[taken, &["--strict"]].concat()).0, 1);
    let (code, said) = import(folder.path(), &[taken, &["--complete"]].concat());
    assert!(code == 0 && !said.contains("may lack access"), "{said}");
}

#[test]
fn a_snapshot_is_written_as_tables_that_read_back() {
    let folder = folder(&[("f", GOOGLE_CLOUD.as_bytes())]);
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_review"));
        let output = command.args(arguments).current_dir(folder.path()).env_remove("REVIEW_FORMAT").output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{text}");
        text
    };
    run(&["snapshot", "import", "f", "-o", "a.json", "--taken-at", "2026-01-01T00:00:00Z"]);
    let said = run(&["snapshot", "export", "csv", "a.json", "-o", "tables"]);
    assert!(said.contains("trust rules have no column"), "{said}");
    let tables: Vec<String> = fs::read_dir(folder.path().join("tables"))
        .unwrap()
        .map(|it| it.unwrap().path().display().to_string())
        .collect();
    let mut arguments = vec!["snapshot", "import", "-o", "b.json"];
    arguments.extend(tables.iter().map(String::as_str));
    run(&arguments);
    let read = |name: &str| {
        let bytes = fs::read(folder.path().join(name)).unwrap();
        let mut snapshot: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        let map = snapshot.as_object_mut().unwrap();
        map.remove("trust_rules");
        map.remove("credentials");
        snapshot
    };
    assert_eq!(read("a.json"), read("b.json"));
}

#[test]
fn a_file_that_no_importer_recognises_names_the_closest() {
    let closest = |text: &str| refused(&[("f", text.as_bytes())], &["f"]);
    assert!(
        closest(r#"{"kind": "List"}"#)
            .contains("the closest is `kubernetes`, but its first object has no `apiVersion`")
    );
    assert!(closest(r#"{"Users": []}"#).contains("the closest is `aws`, but it has no `UserDetailList`"));
    assert!(closest(r#"[{"rolname": "a"}]"#).contains("the closest is `postgresql`"));
    let none = closest("hello");
    assert!(none.contains("error[unknown-export]") && none.contains("`kubernetes`, `aws`, `postgresql`"), "{none}");
}

#[test]
fn a_system_is_named_before_the_files_and_must_be_right() {
    assert!(refused(&[("f", CLUSTER.as_bytes())], &["aws", "f"]).contains("an export of `kubernetes`, not of `aws`"));
    assert!(refused(&[("f", CLUSTER.as_bytes())], &["postgres", "f"]).contains("did you mean `postgresql`?"));
    assert!(refused(&[], &["aws"]).contains("no file was given"));
    let mixed = refused(&[("a", CLUSTER.as_bytes()), ("b", ACCOUNT.as_bytes())], &["a", "b"]);
    assert!(mixed.contains("an export of `aws`, and `a` is one of `kubernetes`"), "{mixed}");
    let folder = folder(&[("aws", ACCOUNT.as_bytes())]);
    assert_eq!(import(folder.path(), &["./aws"]).0, 0, "for a file with that name");
}

#[test]
fn pages_error_messages_and_what_is_no_text_are_refused() {
    let said = |bytes: &[u8]| refused(&[("f", bytes)], &["f"]);
    let page = ACCOUNT.replacen('{', r#"{"IsTruncated": true, "Marker": "x", "#, 1);
    assert!(said(page.as_bytes()).contains("one page of a longer export"));
    let lines = format!("{ACCOUNT}\n{}\n", r#"{"error": {"code": 403}}"#);
    let lines = said(lines.as_bytes());
    assert!(lines.contains("an error message") && lines.contains("f:2"), "{lines}");
    assert!(said(b"<!DOCTYPE html><html>Sign in</html>").contains("an error message"));
    assert!(said(b"PK\x03\x04").contains("a ZIP archive"));
    assert!(said(&packed(CLUSTER.as_bytes())[..20]).contains("damaged or truncated"));
    assert!(said(&packed(&vec![b' '; 64 << 20])).contains("unpacks to more than"));
    assert!(said(b"").contains("no importer recognises"));
}

#[test]
fn a_dump_needs_its_time_and_an_excerpt_shows_no_password() {
    assert!(refused(&[("f", ROLES.as_bytes())], &["f"]).contains("--taken-at"));
    let broken = ROLES.replace("LOGIN", "FLY");
    for arguments in [&["f"][..], &["postgresql", "f"], &["f", "--format", "json"], &["f", "--format", "sarif"]] {
        let all = [arguments, &["--taken-at", "2026-01-01T00:00:00Z"]].concat();
        let folder = folder(&[("f", broken.as_bytes())]);
        let (code, text) = import(folder.path(), &all);
        assert!(code == 1 && text.contains("FLY") && !text.contains("a3556571"), "{text}");
    }
}

#[test]
fn the_query_is_printed_only_where_there_is_one() {
    let query = |system: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_review")).args(["snapshot", "query", system]).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        (output.status.code().unwrap(), text)
    };
    let (code, text) = query("postgresql");
    assert!(code == 0 && text.contains("READ ONLY") && !text.to_lowercase().contains("pg_authid"), "{text}");
    assert!(query("postgres").1.contains("did you mean `postgresql`?"));
    let (code, text) = query("kubernetes");
    assert!(code == 1 && text.contains("kubectl get"), "{text}");
}
