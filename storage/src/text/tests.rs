//! How text is cut into words.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::analyzer;

#[test]
fn words_are_runs_of_letters_and_single_characters_of_writing_without_blanks() {
    let cases: [(&str, &[&str]); 8] = [
        ("Hello, happy TAX-payer!", &["hello", "happy", "tax", "payer"]),
        ("Grüße an Zoë", &["grusse", "an", "zoe"]),
        ("東京都 庁", &["東", "京", "都", "庁"]),
        ("iPhone15を買う", &["iphone15", "を", "買", "う"]),
        ("한국어", &["한", "국", "어"]),
        ("スーパー", &["ス", "ー", "パ", "ー"]),
        ("、。!", &[]),
        ("", &[]),
    ];
    for (text, wanted) in cases {
        let mut analyzer = analyzer();
        let mut stream = analyzer.token_stream(text);
        let mut words = vec![];
        while stream.advance() {
            let token = stream.token();
            assert_eq!(token.position, words.len(), "{text}");
            assert!(text.get(token.offset_from..token.offset_to).is_some(), "{text}");
            words.push(token.text.clone());
        }
        assert_eq!(words, wanted, "{text}");
    }
}
