//! Tests of reading, checking and writing the native format.

use super::*;
use crate::input::finding::{Code, Finding};

const HEAD: &str = r#""version":1,"taken_at":"2026-01-02T03:04:05Z","source":"test""#;

fn json(body: &str) -> String {
    format!("{{{HEAD},{body}}}")
}

fn codes(findings: &[Finding]) -> Vec<(Code, u32, u32)> {
    findings.iter().map(|f| (f.code, f.place.as_ref().unwrap().line, f.place.as_ref().unwrap().column)).collect()
}

const FULL: &str = r#""identities":[{"id":"user:a","kind":"human","labels":{"team":"x"}},{"id":"svc:b","kind":"agent","owner":"user:a","status":"disabled","last_used":"2026-01-01T00:00:00Z"}],
"groups":[{"id":"g","members":["user:a"],"members_known":"partial","implicit":["svc:*"]}],
"roles":[{"id":"r","permissions":[{"action":"get","resource":"*","effect":"deny","condition":"c"}],"includes":["q"],"kinds":["human"],"sensitivity":"high"},{"id":"q"}],
"resources":[{"id":"top"},{"id":"low","parent":"top"}],
"assignments":[{"id":"a1","who":"user:a","role":"r","scope":"low","mode":"active","until":"2026-02-01T00:00:00Z"},{"id":"a2","who":"g","role":"q"},{"id":"a3","who":"user:a","member_of":"g","mode":"eligible"}],
"trusts":[{"id":"t","from":"svc:*","to":"user:a","via":"v","requires":{"action":"x","resource":"y"}}],
"trust_rules":[{"id":"tr","via":"v","to":"sa:$ns/$name","action":"create","resource":"pods","scope":"ns:$ns"}],
"credentials":[{"id":"c","identity":"svc:b","kind":"token"}],"findings":[{"id":"f","title":"t","subject":"low"}]"#;

#[test]
fn what_is_written_reads_back_the_same_and_fits_the_schema() {
    let (snapshot, findings) = read("s.json", json(FULL).as_bytes()).unwrap();
    assert_eq!(findings, vec![]);
    let bytes = write(&snapshot).unwrap();
    assert_eq!(read("s.json", &bytes).unwrap().0, snapshot);
    assert_eq!(write(&read("s.json", &bytes).unwrap().0).unwrap(), bytes);
    let schema = serde_json::to_value(schema()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    assert!(validator.is_valid(&serde_json::from_slice(&bytes).unwrap()));
    assert!(!validator.is_valid(&serde_json::json!({"version": 1})));
}

#[test]
fn yaml_and_json_read_the_same() {
    let (snapshot, _) = read("s.json", json(FULL).as_bytes()).unwrap();
    let yaml = serde_yaml::to_string(&snapshot).unwrap();
    assert_eq!(read("s.yaml", yaml.as_bytes()).unwrap().0, snapshot);
}

#[test]
fn equal_names_share_one_allocation() {
    let (snapshot, _) = read("s.json", json(FULL).as_bytes()).unwrap();
    let who = snapshot.assignments[0].who.raw().as_ptr();
    assert_eq!(who, snapshot.identities[0].id.as_str().as_ptr());
}

#[test]
fn every_misshapen_field_is_named_with_its_place_and_the_nearest_name() {
    let text = "{\"version\":1,\"taken_at\":\"2026-01-02T03:04:05Z\",\"source\":\"t\",\n\"identitys\":[],\n\"identities\":[\n{\"id\":\"a\",\"kind\":\"robot\",\"ownr\":\"b\"},\n{\"kind\":\"human\"}]}";
    let findings = read("s.json", text.as_bytes()).unwrap_err();
    assert_eq!(
        codes(&findings),
        vec![
            (Code::UnknownField, 2, 13),
            (Code::BadValue, 4, 18),
            (Code::UnknownField, 4, 33),
            (Code::MissingField, 5, 1)
        ]
    );
    assert_eq!(findings[0].help.as_ref().unwrap().raw(), "the nearest known name is `identities`");
    assert_eq!(findings[2].help.as_ref().unwrap().raw(), "the nearest known name is `owner`");
    let place = findings[1].place.as_ref().unwrap();
    assert_eq!(&text[place.bytes.0..place.bytes.1], "\"robot\"");
    let yaml = "version: 1\ntaken_at: 2026-01-02T03:04:05Z\nsource: t\nidentities:\n- id: a\n  kind: robot\n";
    assert_eq!(codes(&read("s.yaml", yaml.as_bytes()).unwrap_err()), vec![(Code::BadValue, 6, 9)]);
}

#[test]
fn a_snapshot_of_another_version_says_so() {
    let text = json("\"assignments\":[]").replace("\"version\":1", "\"version\":2");
    assert_eq!(read("s", text.as_bytes()).unwrap_err()[0].code, Code::UnsupportedVersion);
    let text = text.replace("assignments", "novelties");
    assert_eq!(read("s", text.as_bytes()).unwrap_err()[0].code, Code::UnsupportedVersion);
}

/// Each input with its expected findings; `true` if the snapshot is rejected.
#[test]
fn each_contradiction_is_found() {
    let table: &[(&str, &str, &[Code], bool)] = &[
        (
            "one id for identity and group",
            r#""identities":[{"id":"x","kind":"human"}],"groups":[{"id":"x"}]"#,
            &[Code::DuplicateId],
            true,
        ),
        ("one id for two roles", r#""roles":[{"id":"r"},{"id":"r"}]"#, &[Code::DuplicateId], true),
        (
            "neither role nor group",
            r#""groups":[{"id":"g"}],"assignments":[{"id":"a","who":"g"}]"#,
            &[Code::BadValue],
            true,
        ),
        (
            "both role and group",
            r#""groups":[{"id":"g"}],"roles":[{"id":"r"}],"assignments":[{"id":"a","who":"g","role":"r","member_of":"g"}]"#,
            &[Code::BadValue],
            true,
        ),
        (
            "standing and yet ending",
            r#""groups":[{"id":"g"}],"roles":[{"id":"r"}],"assignments":[{"id":"a","who":"g","role":"r","until":"2026-02-01T00:00:00Z"}]"#,
            &[Code::BadValue],
            true,
        ),
        (
            "active without end",
            r#""groups":[{"id":"g"}],"roles":[{"id":"r"}],"assignments":[{"id":"a","who":"g","role":"r","mode":"active"}]"#,
            &[Code::MissingField],
            false,
        ),
        (
            "nobody and nothing",
            r#""assignments":[{"id":"a","who":"g","role":"r","scope":"s"}]"#,
            &[Code::DanglingReference; 3],
            false,
        ),
        (
            "a circle of parents",
            r#""resources":[{"id":"b","parent":"a"},{"id":"a","parent":"b"},{"id":"c","parent":"a"}]"#,
            &[Code::BadValue],
            false,
        ),
        (
            "a circle of groups is legal",
            r#""groups":[{"id":"a","nested":["b"]},{"id":"b","nested":["a"]}]"#,
            &[],
            false,
        ),
        ("a circle of roles is legal", r#""roles":[{"id":"a","includes":["a"]}]"#, &[], false),
        ("an empty id", r#""roles":[{"id":" "}]"#, &[Code::BadValue], true),
        ("an invisible letter", "\"roles\":[{\"id\":\"admin\u{200b}\"}]", &[Code::HiddenCharacter], true),
        (
            "a template that binds nothing",
            r#""trust_rules":[{"id":"t","via":"v","to":"sa:x","action":"a","resource":"r","scope":"ns:$ns"}]"#,
            &[Code::BadValue],
            true,
        ),
    ];
    for (trick, body, expected, refused) in table {
        let result = read("s.json", json(body).as_bytes());
        assert_eq!(result.is_err(), *refused, "{trick}");
        let findings = match &result {
            Ok((_, findings)) | Err(findings) => findings,
        };
        assert_eq!(findings.iter().map(|f| f.code).collect::<Vec<_>>(), *expected, "{trick}: {findings:?}");
        if *trick == "a circle of parents" {
            assert_eq!(result.unwrap().0.resources[1].parent, None, "cut at the smallest name");
        } else if *trick == "active without end" {
            assert_eq!(result.unwrap().0.assignments[0].mode, crate::input::entitlement::Mode::Standing);
        }
    }
}

#[test]
fn no_bytes_make_the_reader_panic_or_hang() {
    let deep = "[".repeat(100_000);
    let deeper = format!("{{\"identities\":{deep}");
    let bomb = "a: &a [x,x,x,x]\nb: &b [*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b]\n";
    for text in [
        "",
        " \n",
        "{",
        "{}",
        "[]",
        "null",
        "{\"version\":",
        "a: b: c",
        "\u{0}",
        "{\"version\":1}",
        &deep,
        &deeper,
        bomb,
        "--- 1\n--- 2\n",
    ] {
        let findings = read("s", text.as_bytes()).unwrap_err();
        assert!(!findings.is_empty(), "{text:.40}");
    }
    assert_eq!(read("s", b"\xff\xfe{\x00").unwrap_err()[0].code, Code::NotUtf8);
    assert_eq!(read("s", b"{\"a\":\"\xff\"}").unwrap_err()[0].code, Code::NotUtf8);
}

#[test]
fn merging_joins_what_agrees_and_reports_what_does_not() {
    let one = read("a", json(r#""roles":[{"id":"r"}],"groups":[{"id":"g"}]"#).as_bytes()).unwrap().0;
    let two = read("b", json(r#""roles":[{"id":"q"},{"id":"r"}]"#).as_bytes()).unwrap().0;
    let merged = merge(&[("a", &one), ("b", &two)]).unwrap();
    assert_eq!(merged, merge(&[("b", &two), ("a", &one)]).unwrap());
    assert_eq!((merged.roles.len(), merged.groups.len()), (2, 1));
    let other = json(r#""roles":[{"id":"r","sensitivity":"high"}],"identities":[{"id":"g","kind":"human"}]"#);
    let other = read("c", other.as_bytes()).unwrap().0;
    let findings = merge(&[("a", &one), ("c", &other)]).unwrap_err();
    assert_eq!(findings.iter().map(|f| f.code).collect::<Vec<_>>(), [Code::DuplicateId, Code::DuplicateId]);
}

#[test]
fn a_difference_mirrors_when_its_ends_are_exchanged() {
    let one = read("a", json(FULL).as_bytes()).unwrap().0;
    let mut two = one.clone();
    two.assignments[0].until = None;
    two.assignments[1].id = "renamed".into();
    two.roles.pop();
    let there = difference(&one, &two);
    let back = difference(&two, &one);
    assert_eq!((&there.gained, &there.lost), (&back.lost, &back.gained));
    assert_eq!((there.gained.len(), there.lost.len(), there.roles.len()), (1, 1, 1));
    assert_eq!(difference(&one, &one), Difference::default());
}

#[test]
fn merging_takes_the_members_from_the_part_that_knows_them() {
    let one = read("a", json(r#""groups":[{"id":"g","members_known":"unknown"}]"#).as_bytes()).unwrap().0;
    let two = json(r#""identities":[{"id":"i","kind":"human"}],"groups":[{"id":"g","members":["i"]}]"#);
    let two = read("b", two.as_bytes()).unwrap().0;
    assert_eq!(merge(&[("a", &one), ("b", &two)]).unwrap().groups, two.groups);
}

#[test]
fn no_hostile_file_makes_a_reader_panic_or_hang() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/hostile");
    if !root.is_dir() {
        println!("no shared data: the hostile files were not read");
        return;
    }
    let mut folders = vec![root];
    let mut seen = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let bytes = std::fs::read(&path).unwrap();
            let start = std::time::Instant::now();
            assert!(read("s", &bytes).is_err(), "{}", path.display());
            let taken_at = crate::input::time::Time::from_unix(1_700_000_000);
            let _ = import::kubernetes::import(&[("s", &bytes)], taken_at);
            assert!(start.elapsed().as_secs() < 20, "{} takes too long", path.display());
            seen += 1;
        }
    }
    assert!(seen > 500, "{seen} files");
}
