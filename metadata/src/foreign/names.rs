//! Names as others spell them, and what is the same in them.

/// A name without case, blanks, underscores and hyphens: `Closed Won`, `closed_won` and `ClosedWon` are one.
pub(super) fn folded(name: &str) -> String {
    let counts = |c: &char| !matches!(c, '_' | ' ' | '-');
    name.chars().filter(counts).flat_map(char::to_lowercase).collect()
}

/// The one of `known` that is meant by `name`: the same, else the only one that is the same once folded.
pub(super) fn meant<'a>(name: &str, known: impl Iterator<Item = &'a str> + Clone) -> Option<&'a str> {
    if let Some(same) = known.clone().find(|known| *known == name) {
        return Some(same);
    }
    let wanted = folded(name);
    let mut like = known.filter(|known| folded(known) == wanted);
    like.next().filter(|_| like.next().is_none())
}

/// `EmailTemplate`, `SLATemplate`, `first name` and `first-name` in snake_case: never empty, only letters, digits and `_`.
pub(super) fn snake_case(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let mut snake = String::new();
    for (at, letter) in letters.iter().copied().enumerate() {
        let before = at.checked_sub(1).and_then(|at| letters.get(at)).copied();
        let behind = letters.get(at + 1).copied();
        let begins_word = letter.is_uppercase()
            && before.is_some_and(|before| {
                before.is_lowercase()
                    || before.is_ascii_digit()
                    || (before.is_uppercase() && behind.is_some_and(char::is_lowercase))
            });
        if begins_word || !letter.is_alphanumeric() {
            snake.push('_');
        }
        if letter.is_alphanumeric() {
            snake.extend(letter.to_lowercase());
        }
    }
    let words: Vec<&str> = snake.split('_').filter(|word| !word.is_empty()).collect();
    // What has no letters is told as a name that can't be one.
    if words.is_empty() { "unnamed".to_owned() } else { words.join("_") }
}
