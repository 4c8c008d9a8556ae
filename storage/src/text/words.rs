//! How text is cut into words.
//!
//! A word is a run of letters and digits, in small letters and without accents. Chinese, Japanese and Korean are
//! written without a blank between words, or with endings on them, so each of their characters is a word of its own;
//! a run of them in a question is a phrase, so that it is found in whatever text has these characters side by side.

use tantivy::tokenizer::{
    AsciiFoldingFilter, LowerCaser, RemoveLongFilter, TextAnalyzer, Token, TokenStream, Tokenizer,
    TokenizerManager,
};

/// The name and version of how text is cut into words.
pub(super) const TOKENIZER: &str = "quarry2";
/// Longer words are not found.
const WORD_BYTES_MAX: usize = 255;

/// What writes an index and what asks it must agree.
pub(crate) fn analyzer() -> TextAnalyzer {
    TextAnalyzer::builder(Words::default())
        .filter(RemoveLongFilter::limit(WORD_BYTES_MAX))
        .filter(LowerCaser)
        .filter(AsciiFoldingFilter)
        .build()
}

pub(super) fn tokenizers() -> TokenizerManager {
    let manager = TokenizerManager::default();
    manager.register(TOKENIZER, analyzer());
    manager
}

/// Cuts a text.
#[derive(Clone, Default)]
struct Words {
    token: Token,
}

struct WordStream<'a> {
    text: &'a str,
    /// Where the next word is looked for.
    at: usize,
    token: &'a mut Token,
}

impl Tokenizer for Words {
    type TokenStream<'a> = WordStream<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> WordStream<'a> {
        self.token.reset();
        WordStream { text, at: 0, token: &mut self.token }
    }
}

impl TokenStream for WordStream<'_> {
    fn advance(&mut self) -> bool {
        self.token.text.clear();
        let rest = self.text.get(self.at..).unwrap_or_default();
        let Some(skipped) = rest.find(char::is_alphanumeric) else {
            self.at = self.text.len();
            return false;
        };
        let rest = rest.get(skipped..).unwrap_or_default();
        let word = word(rest);
        self.token.position = self.token.position.wrapping_add(1);
        self.token.offset_from = self.at + skipped;
        self.token.offset_to = self.token.offset_from + word.len();
        self.token.text.push_str(word);
        self.at = self.token.offset_to;
        true
    }

    fn token(&self) -> &Token {
        self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        self.token
    }
}

/// The word that a text begins with.
fn word(text: &str) -> &str {
    let mut chars = text.char_indices();
    let end = match chars.next() {
        Some((_, first)) if stands_alone(first) => chars.next(),
        _ => chars.find(|(_, c)| !c.is_alphanumeric() || stands_alone(*c)),
    };
    end.and_then(|(end, _)| text.get(..end)).unwrap_or(text)
}

/// Is it a character of Chinese, Japanese or Korean writing?
fn stands_alone(c: char) -> bool {
    matches!(c,
        '\u{1100}'..='\u{11ff}'     // Hangul, taken apart
        | '\u{3005}'..='\u{3007}'   // signs that stand for an ideograph
        | '\u{3031}'..='\u{318f}'   // Hiragana, Katakana, Bopomofo, Hangul letters
        | '\u{31a0}'..='\u{31ff}'
        | '\u{3400}'..='\u{4dbf}'   // ideographs
        | '\u{4e00}'..='\u{9fff}'
        | '\u{a960}'..='\u{a97f}'
        | '\u{ac00}'..='\u{d7ff}'   // Hangul
        | '\u{f900}'..='\u{faff}'
        | '\u{ff66}'..='\u{ffdc}'   // half-width letters
        | '\u{1b000}'..='\u{1b16f}'
        | '\u{20000}'..='\u{3ffff}'
    )
}
