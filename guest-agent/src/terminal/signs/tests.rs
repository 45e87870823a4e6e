use super::*;

fn signs(user_code: Option<&str>, prompt: Option<&str>, credential: Option<&str>) -> Signs {
    let patterns = Patterns {
        user_code: user_code.map(str::to_owned),
        prompt: prompt.map(str::to_owned),
        credentials: credential.map(|pattern| ("token".to_owned(), pattern.to_owned())).into_iter().collect(),
    };
    Signs::new(7, &patterns)
}

fn codes(reports: Vec<Report>) -> Vec<String> {
    let code = |report| match report {
        Report::UserCode { run: 7, code } => code.expose_str().unwrap().to_owned(),
        other => panic!("{other:?}"),
    };
    reports.into_iter().map(code).collect()
}

const CODE: &str = r"one-time code[^\n]*\s+([A-Z0-9]{4}-[A-Z0-9]{4,5})";

#[test]
fn a_code_that_comes_in_pieces_is_told_whole() {
    let mut signs = signs(Some(CODE), None, None);
    assert!(signs.read("Enter this one-time code\n  ABCD-1", &[]).is_empty());
    assert!(signs.read("234", &[]).is_empty());
    assert_eq!(codes(signs.read("5\n", &[])), ["ABCD-12345"]);
    // A redrawn screen says nothing new, a new code does.
    assert!(signs.read("Enter this one-time code\n  ABCD-12345\n", &[]).is_empty());
    assert_eq!(codes(signs.read("Enter this one-time code\n  EFGH-1234\n", &[])), ["EFGH-1234"]);
}

#[test]
fn a_code_with_nothing_behind_it_is_told_when_the_command_is_quiet() {
    let mut signs = signs(Some(CODE), None, None);
    assert!(signs.read("one-time code: \nABCD-1234", &[]).is_empty());
    assert_eq!(codes(signs.pause(&[])), ["ABCD-1234"]);
    assert!(signs.pause(&[]).is_empty());
}

#[test]
fn a_question_for_a_code_is_told_once() {
    let mut signs = signs(None, Some("Paste code here"), None);
    assert!(signs.read("Paste co", &[]).is_empty());
    assert!(matches!(signs.read("de here >", &[])[..], [Report::AsksForCode { run: 7 }]));
    assert!(signs.read("Paste code here > ******", &[]).is_empty());
}

#[test]
fn a_credential_is_taken_from_a_line_and_told_once() {
    let mut signs = signs(None, None, Some("sk-ant-oat01-[A-Za-z0-9_-]+"));
    let lines = |token: &str| [format!("  {token}  "), "Store it.".to_owned()];
    let reports = signs.read("", &lines("sk-ant-oat01-first"));
    let [Report::Credential { run: 7, path, text }] = &reports[..] else { panic!("{reports:?}") };
    assert_eq!((path.as_str(), text.expose_str()), ("token", Some("sk-ant-oat01-first")));
    assert!(signs.read("", &lines("sk-ant-oat01-first")).is_empty());
    assert_eq!(signs.pause(&lines("sk-ant-oat01-second")).len(), 1);
}

#[test]
fn the_window_does_not_grow() {
    let mut signs = signs(Some(CODE), None, None);
    for _ in 0..100 {
        signs.read(&"\u{e4}".repeat(1000), &[]);
    }
    assert!(signs.window.len() <= WINDOW_BYTES);
}
