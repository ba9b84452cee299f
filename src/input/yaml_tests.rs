//! Inputs that the YAML reader must reject, and values that it must place exactly.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::*;

/// (trick, text, code, line, column)
const TRICKS: &[(&str, &str, Code, u32, u32)] = &[
    ("an alias", "a: &x 1\nb: *x\n", Code::YamlFeature, 1, 4),
    ("an alias to nothing", "a: 1\nb: *gone\n", Code::YamlFeature, 2, 4),
    ("an anchor that nothing uses", "a: 1\nb: &x 1\n", Code::YamlFeature, 2, 4),
    ("an anchor on a mapping", "b: &x\n  c: 1\n", Code::YamlFeature, 1, 4),
    ("a tag", "a: !!str 1\n", Code::YamlFeature, 1, 4),
    ("a local tag on a list", "a: !x [1]\n", Code::YamlFeature, 1, 4),
    ("the non-specific tag", "a: ! 1\n", Code::YamlFeature, 1, 4),
    ("a merge key", "a:\n  <<: {b: 1}\n", Code::YamlFeature, 2, 3),
    ("a second document", "a: 1\n---\nb: 2\n", Code::YamlFeature, 2, 1),
    ("an empty second document", "a: 1\n---\n", Code::YamlFeature, 2, 1),
    ("a directive", "%YAML 1.1\n---\na: 1\n", Code::YamlFeature, 1, 1),
    ("a reserved directive", "%FOO bar\n---\na: 1\n", Code::YamlFeature, 1, 1),
    ("a list as a key", "? [a]\n: 1\n", Code::YamlFeature, 1, 3),
    ("an empty key", ": 1\n", Code::YamlFeature, 1, 1),
    ("a key twice", "a: 1\nb: 2\na: 3\n", Code::DuplicateKey, 3, 1),
    ("a key twice, once quoted", "a: 1\n\"\\x61\": 3\n", Code::DuplicateKey, 2, 2),
    ("a key twice in a flow mapping", "m: {a: 1, a: 2}\n", Code::DuplicateKey, 1, 11),
    ("the Norway problem", "a: 1\nb: no\n", Code::AmbiguousScalar, 2, 4),
    ("an octal number", "a: 0777\n", Code::AmbiguousScalar, 1, 4),
    ("a grouped number", "a: 1_000\n", Code::AmbiguousScalar, 1, 4),
    ("a sexagesimal number", "a: 12:30:00\n", Code::AmbiguousScalar, 1, 4),
    ("a hexadecimal number", "a: 0xff\n", Code::AmbiguousScalar, 1, 4),
    ("infinity", "a: .inf\n", Code::AmbiguousScalar, 1, 4),
    ("a tilde", "a: ~\n", Code::AmbiguousScalar, 1, 4),
    ("a boolean in capitals", "a: TRUE\n", Code::AmbiguousScalar, 1, 4),
    ("a number as a key", "1: a\n", Code::AmbiguousScalar, 1, 1),
    ("a boolean as a key", "on: a\n", Code::AmbiguousScalar, 1, 1),
    ("a line separator in a comment", "a: 1 # x\u{2028}b: 2\n", Code::HiddenCharacter, 1, 9),
    ("a next-line character in a comment", "# x\u{85}b: 2\na: 1\n", Code::HiddenCharacter, 1, 4),
    ("a bidirectional override", "a: x\u{202e}y\n", Code::HiddenCharacter, 1, 5),
    ("a zero-width space in a key", "ro\u{200b}le: x\n", Code::HiddenCharacter, 1, 3),
    ("a tag character", "a: x\u{e0041}\n", Code::HiddenCharacter, 1, 5),
    ("a byte order mark", "\u{feff}a: 1\n", Code::HiddenCharacter, 1, 1),
    ("an escape sequence", "a: \u{1b}[2J\n", Code::HiddenCharacter, 1, 4),
    ("a NUL", "a: x\0y\n", Code::HiddenCharacter, 1, 5),
    ("a carriage return alone", "a: 1\rb: 2\n", Code::HiddenCharacter, 1, 5),
    ("a tab between tokens", "a:\t1\n", Code::HiddenCharacter, 1, 3),
    ("a tab in a comment", "a: 1 #\tx\n", Code::HiddenCharacter, 1, 7),
    ("an escaped override", "é: \"x\\u202ey\"\n", Code::HiddenCharacter, 1, 5),
    ("an escaped carriage return", "a: \"x\\ry\"\n", Code::HiddenCharacter, 1, 5),
    ("an escaped override in a key", "\"x\\u202ey\": 1\n", Code::HiddenCharacter, 1, 2),
    ("nothing", "", Code::Empty, 1, 1),
    ("only a comment", "# nothing\n", Code::Empty, 1, 1),
    ("an empty document", "---\n", Code::Empty, 1, 4),
    ("an open bracket", "a: [1, 2\n", Code::Syntax, 1, 4),
    ("an open quote", "a: \"x\n", Code::Syntax, 2, 1),
    ("text after a mapping", "a: 1\nb\n", Code::Syntax, 2, 1),
    ("a block that ends with the file", "a: |\n  x", Code::ReadersDisagree, 2, 3),
];

#[test]
fn surrogate_pairs_are_read_as_json_writes_them_and_lone_halves_are_refused() {
    for (text, expected) in [
        (r#"{"a": "\ud83d\ude00"}"#, "\u{1f600}"),
        (r#"{"a": "x\\\ud83D\uDE00y"}"#, "x\\\u{1f600}y"),
        (r#"{"a": "\\ud83d\\ude00"}"#, r"\ud83d\ude00"),
        (r#"{"a": "\u00e9"}"#, "\u{e9}"),
    ] {
        let read = read_text(text).unwrap();
        let InputValue::Mapping(entries) = &read.value else { panic!("{text}") };
        assert!(matches!(&entries[0].value.value, InputValue::Text(value) if value.raw() == expected), "{text}");
    }
    for text in [
        r#"{"a": "\ud83d"}"#,
        r#"{"a": "\ude00"}"#,
        r#"{"a": "\ud83dx"}"#,
        r#"{"a": "\ude00\ud83d"}"#,
        r#"{"a": "\ud83d\u0041"}"#,
    ] {
        let found = read_text(text).unwrap_err();
        assert_eq!(found[0].code, Code::Syntax, "{text}");
        assert!(found[0].message.raw().contains("surrogate") && found[0].help.is_some(), "{text}: {found:?}");
    }
    let single = read_text(r"a: '\ud83d\ude00'").unwrap_err();
    assert_eq!(single[0].code, Code::ReadersDisagree, "a backslash is a letter there");
}

fn read_text(text: &str) -> Result<InputNode, Vec<Finding>> {
    read("plan.yaml", text.as_bytes(), &ReadLimits::FILE)
}

#[test]
fn every_trick_is_refused_at_its_place() {
    let mut wrong = Vec::new();
    for (trick, text, code, line, column) in TRICKS {
        match read_text(text) {
            Ok(_) => wrong.push(format!("{trick}: passed")),
            Err(found) => {
                let first = &found[0];
                let place = first.place.as_ref().expect("a finding of a file has a place");
                if (first.code, place.line, place.column) != (*code, *line, *column) {
                    wrong.push(format!(
                        "{trick}: {:?} at {}:{} {:?}",
                        first.code, place.line, place.column, first.message
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn all_faults_come_at_once_in_the_order_of_the_file() {
    let found = read_text("a: yes\nb: &x 0777\na: !t 1\nc: \u{200b}\n").unwrap_err();
    let codes: Vec<_> = found.iter().map(|f| (f.code, f.place.as_ref().unwrap().line)).collect();
    assert_eq!(
        codes,
        [
            (Code::AmbiguousScalar, 1),
            (Code::YamlFeature, 2),
            (Code::AmbiguousScalar, 2),
            (Code::DuplicateKey, 3),
            (Code::YamlFeature, 3),
            (Code::HiddenCharacter, 4)
        ]
    );
}

#[test]
fn bytes_that_are_not_utf8_are_placed() {
    let found = read("x", b"a: 1\nb: \xff\n", &ReadLimits::FILE).unwrap_err();
    assert_eq!(found[0].code, Code::NotUtf8);
    let place = found[0].place.as_ref().unwrap();
    assert_eq!((place.line, place.column, place.bytes), (2, 4, (8, 9)));
}

#[test]
fn each_budget_is_kept_and_the_last_unit_within_it_passes() {
    let budget = ReadLimits { bytes: 64, depth: 3, nodes: 9 };
    let code = |text: &str| read("x", text.as_bytes(), &budget).map_err(|f| f[0].code).map(|_| ());
    assert_eq!(code(&format!("a: {}", "x".repeat(61))), Ok(()));
    assert_eq!(code(&format!("a: {}", "x".repeat(62))), Err(Code::TooLarge));
    assert_eq!(code("[[[1]]]"), Ok(()));
    assert_eq!(code("[[[[1]]]]"), Err(Code::TooLarge));
    assert_eq!(code("a:\n  b:\n    c:\n      d: 1"), Err(Code::TooLarge));
    assert_eq!(code("[1,2,3,4,5,6,7,8]"), Ok(()));
    assert_eq!(code("[1,2,3,4,5,6,7,8,9]"), Err(Code::TooLarge));
}

const PLACED: &str = "---\n# a comment\nplain: some text # more\nüb: 'single'\n\"double\": \"x\\ty\"\nnumber: -17\nfraction: 1.50\n\
flag: true\nnothing:\nnull_word: null\nwhen: 2026-11-30\nat: 2026-11-30T00:00:00Z\nlist:\n- one\n-   two  \n- {a: b, \"c\": [d, 'e']}\n\
literal: |\n  first\n  second\nfolded: >-\n  a\n  b\nempty: ''\nmulti: one\n  two\nlast: {k: \"v\"}\n...\n";

fn walk<'n>(node: &'n InputNode, out: &mut Vec<(&'n Place, String)>) {
    match &node.value {
        InputValue::Null | InputValue::Faulty => {}
        InputValue::Bool(b) => out.push((&node.place, b.to_string())),
        InputValue::Integer(i) => out.push((&node.place, i.to_string())),
        InputValue::Number(t) | InputValue::Text(t) => out.push((&node.place, t.raw().to_owned())),
        InputValue::List(items) => items.iter().for_each(|item| walk(item, out)),
        InputValue::Mapping(entries) => {
            for entry in entries {
                out.push((&entry.key.place, entry.key.value.raw().to_owned()));
                walk(&entry.value, out);
            }
        }
    }
}

#[test]
fn the_region_of_every_placed_value_is_the_value() {
    for text in [PLACED.replace("x\\ty", "x y"), PLACED.replace("x\\ty", "x y").replace('\n', "\r\n")] {
        let node = read_text(&text).unwrap_or_else(|f| panic!("{f:#?}"));
        let mut values = Vec::new();
        walk(&node, &mut values);
        assert_eq!(values.len(), 37);
        for (place, value) in values {
            let region = &text[place.bytes.0..place.bytes.1];
            let folded: Vec<_> = region.split_whitespace().collect();
            let expected: Vec<_> = value.split_whitespace().collect();
            assert_eq!(folded, expected, "{place:?}");
            let before = &text[..place.bytes.0];
            assert_eq!(place.line as usize, before.matches('\n').count() + 1, "{value}");
            assert_eq!(place.column as usize, before.rsplit('\n').next().unwrap().chars().count() + 1, "{value}");
        }
    }
}

#[test]
fn the_region_of_a_collection_begins_and_ends_with_its_parts() {
    let node = read_text(PLACED.replace("x\\ty", "x y").as_str()).unwrap();
    let text = PLACED.replace("x\\ty", "x y");
    let region = |node: &InputNode| text[node.place.bytes.0..node.place.bytes.1].to_owned();
    assert_eq!(region(node.get("list").unwrap()), "- one\n-   two  \n- {a: b, \"c\": [d, 'e']}");
    assert_eq!(region(node.get("last").unwrap()), "{k: \"v\"}");
    assert_eq!(region(&node.get("list").unwrap().items().unwrap()[2]), "{a: b, \"c\": [d, 'e']}");
    assert!(region(&node).starts_with("plain:") && region(&node).ends_with("{k: \"v\"}"));
    assert_eq!(region(node.get("nothing").unwrap()), "nothing", "an absent value points at its key");
}

#[test]
fn dates_and_times_need_no_quotes() {
    let node = read_text("when: 2026-11-30\nat: 2026-11-30T00:00:00Z\nttl: 4h\n").unwrap();
    assert_eq!(node.get("at").unwrap().as_text().unwrap().raw(), "2026-11-30T00:00:00Z");
    assert_eq!(node.get("when").unwrap().as_text().unwrap().raw(), "2026-11-30");
}

fn hostile(folder: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/hostile").join(folder);
    if path.exists() {
        return Some(path);
    }
    println!("skipped: {} is absent", path.display());
    None
}

fn files(folder: &Path, out: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files(&path, out) } else { out.push(path) }
    }
}

/// One second; an unoptimised build is about ten times slower, and tests run in parallel.
const BOUND: Duration = Duration::from_secs(if cfg!(debug_assertions) { 10 } else { 1 });

#[test]
fn no_bomb_and_no_odd_document_takes_a_second() {
    let mut all = Vec::new();
    for folder in ["yaml-bombs", "yaml-test-suite"] {
        if let Some(path) = hostile(folder) {
            files(&path, &mut all);
        }
    }
    let mut inputs: Vec<(String, Vec<u8>)> =
        all.into_iter().map(|path| (path.display().to_string(), std::fs::read(path).unwrap())).collect();
    for piece in [
        "[", "{", "- ", "? ", "a: ", "[{", "- - ", "'", "\"", "#", "a: [", "!!a ", "&a ", "*a ", "|\n ", ",", "{? ",
        "\n- ",
    ] {
        inputs.push((format!("500 kB of {piece:?}"), piece.repeat(500_000 / piece.len()).into_bytes()));
    }
    inputs.push(("one long line".to_owned(), format!("[{}]", "é,".repeat(49_000)).into_bytes()));
    inputs.push(("hidden characters only".to_owned(), "\u{200b}".repeat(349_000).into_bytes()));
    let keys = (0..49_000).map(|n| format!("k{n}: v\n")).collect::<Vec<_>>().concat();
    inputs.push(("many keys".to_owned(), keys.into_bytes()));
    inputs.push(("one key often".to_owned(), "k: v\n".repeat(49_000).into_bytes()));
    let mut slow = Vec::new();
    for (name, bytes) in inputs {
        let start = Instant::now();
        let result = read(&name, &bytes, &ReadLimits::FILE);
        let took = start.elapsed();
        if took > BOUND {
            slow.push(format!("{name} took {took:?}"));
        }
        if name.contains("yaml-bombs") {
            assert!(result.is_err(), "{name} passed");
        }
    }
    assert!(slow.is_empty(), "{slow:#?}");
}

#[test]
fn naughty_strings_are_kept_exactly_or_refused() {
    let Some(path) = hostile("blns.json") else { return };
    let strings: Vec<String> = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    for text in strings {
        let quoted = format!("a: {}\n", serde_json::to_string(&text).unwrap());
        match read_text(&quoted) {
            Ok(node) => assert_eq!(node.get("a").unwrap().as_text().unwrap().raw(), text),
            Err(found) => assert!(
                text.chars().any(is_hidden) && found.iter().all(|f| f.code == Code::HiddenCharacter),
                "{text:?}: {found:?}"
            ),
        }
        // As a plain scalar the text may be rejected, but must not panic or become a different value.
        if let Ok(node) = read_text(&format!("a: {text}\n"))
            && let Some(plain) = node.get("a").and_then(InputNode::as_text)
        {
            assert!(text.contains(plain.raw().split_whitespace().next().unwrap_or_default()));
        }
    }
}
