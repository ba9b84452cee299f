use super::*;
use crate::input::time::Span;
use crate::log::sample;

fn sample_lines() -> Vec<Vec<u8>> {
    let base = sample::session(1, &[], &[].into(), 0);
    let record = sample::record(2, &base, 5);
    let freezing = sample::freezing(3, &record, 6);
    let sessions = [&base.bytes, &record.bytes, &freezing.bytes].into_iter().flat_map(|b| lines(b).map(<[u8]>::to_vec));
    let prev = crate::input::digest::Digest::of(b"before");
    let more = [sample::baseline(prev), sample::recertification(prev), sample::withdrawal(prev)];
    sessions.chain(more.into_iter().map(|line| line.to_bytes().unwrap())).collect()
}

#[test]
fn every_kind_of_line_reads_back_to_the_same_bytes() {
    let mut scratch = Vec::new();
    for bytes in sample_lines() {
        let line = read(&bytes, &mut scratch).unwrap();
        assert_eq!(line.to_bytes().unwrap(), bytes, "{}", line.word());
        assert_eq!(word(&bytes), Some(line.word().as_bytes()));
    }
}

#[test]
fn fields_declared_in_order_are_canonical_bytes() {
    let mut scratch = Vec::new();
    for bytes in sample_lines() {
        let line = read(&bytes, &mut scratch).unwrap();
        let direct = serde_json::to_vec(&line).unwrap();
        assert_eq!(direct, canonical::to_bytes(&line).unwrap());
    }
}

#[test]
fn every_other_spelling_of_a_line_is_refused() {
    let mut scratch = Vec::new();
    let all = sample_lines();
    let text = String::from_utf8(all[0].clone()).unwrap();
    let tricks: &[(&str, String)] = &[
        ("white space", text.replacen(',', ", ", 1)),
        ("unknown key", text.replacen("{\"at\"", "{\"aa\":1,\"at\"", 1)),
        ("duplicate key", text.replacen("{\"at\"", "{\"kind\":\"review\",\"at\"", 1)),
        (
            "unsorted keys",
            text.replacen("\"kind\":\"review\",", "", 1).replacen("{\"at\"", "{\"kind\":\"review\",\"at\"", 1),
        ),
        ("float", text.replacen("\"version\":2", "\"version\":2.0", 1)),
        ("exponent", text.replacen("\"version\":2", "\"version\":2e0", 1)),
        ("other version", text.replacen("\"version\":2", "\"version\":1", 1)),
        ("escaped letter", text.replacen("review 0.1.0", "\\u0072eview 0.1.0", 1)),
        ("escaped solidus", text.replacen("review 0.1.0", "review\\/0.1.0", 1)),
        ("upper-case hex", text.replacen("0909", "090A", 1)),
        ("other offset", text.replacen("Z\"", "+00:00\"", 1)),
        ("explicit null", text.replacen("\"tool\"", "\"snapshot\":null,\"tool\"", 1)),
        ("carriage return", text.replacen('\n', "\r\n", 1)),
        ("no line feed", text.trim_end().to_owned()),
        ("byte order mark", format!("\u{feff}{text}")),
        ("trailing comma", text.replacen('}', ",}", 1)),
        ("an array of fields", "[1,2]\n".to_owned()),
        ("nothing", "\n".to_owned()),
        ("type of another kind", text.replacen("\"type\":\"session\"", "\"type\":\"sig\"", 1)),
        ("too long", text.replacen("review 0.1.0", &"x".repeat(LONGEST), 1)),
    ];
    for (trick, bad) in tricks {
        assert_ne!(*bad, text, "{trick} changes nothing");
        assert!(read(bad.as_bytes(), &mut scratch).is_err(), "{trick}");
    }
    assert!(read(b"{\"type\":\"session\xff\"}\n", &mut scratch).is_err());
    assert!(read(&vec![b'['; 60_000], &mut scratch).is_err());
}

#[test]
fn a_line_of_the_greatest_length_is_read_and_one_byte_more_is_refused() {
    let mut scratch = Vec::new();
    let Line::Session(mut body) = read(&sample_lines()[0], &mut scratch).unwrap() else { panic!("no session") };
    let base = Line::Session(body.clone()).to_bytes().unwrap().len();
    body.tool = "x".repeat("review 0.1.0".len() + LONGEST - base).into();
    let bytes = Line::Session(body.clone()).to_bytes().unwrap();
    assert_eq!(bytes.len(), LONGEST);
    assert!(read(&bytes, &mut scratch).is_ok());
    body.tool = format!("{}x", body.tool.raw()).into();
    assert!(matches!(Line::Session(body).to_bytes(), Err(WriteFault::TooLong { .. })));
}

/// What makes a recertification break a rule.
type BendRecertification = fn(&mut Recertification);

#[test]
fn a_recertification_that_breaks_a_rule_cannot_be_written() {
    let Line::Session(header) = read(&sample_lines()[0], &mut Vec::new()).unwrap() else { panic!("no session") };
    let mut header = *header;
    let refused = |change: &dyn Fn(&mut Recertification)| {
        let (mut draft, _) =
            crate::log::session::Draft::start(header.clone(), std::collections::BTreeSet::new()).unwrap();
        let broken = |prev| {
            let Line::Recertification(mut it) = sample::recertification(prev) else { panic!() };
            change(&mut it);
            Line::Recertification(it)
        };
        draft.push(broken).is_err()
    };
    assert!(!refused(&|_| {}));
    let cases: [(&str, BendRecertification); 6] = [
        ("kept for longer than a year", |it| it.until = Some(it.at.plus(Span::from_days(367)))),
        ("kept until before it was kept", |it| it.until = Some(it.at)),
        ("kept without an end", |it| it.until = None),
        ("an end where it is revoked", |it| it.answer = RecertificationAnswer::Revoke),
        ("a reason where it is kept", |it| it.reason = Some("why".into())),
        ("a change without a reason", |it| (it.answer, it.until) = (RecertificationAnswer::Change, None)),
    ];
    for (what, change) in cases {
        assert!(refused(&change), "{what}");
    }
    header.kind = SessionKind::Record;
    header.writer.person = None;
    let (mut draft, _) = crate::log::session::Draft::start(header, std::collections::BTreeSet::new()).unwrap();
    assert!(draft.push(sample::recertification).is_err(), "a recorder recertifies nothing");
    assert!(draft.push(sample::withdrawal).is_err(), "a recorder withdraws nothing");
}
