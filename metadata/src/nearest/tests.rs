//! What is near enough to be meant.

use super::*;

#[test]
fn slips_are_found_and_guesses_are_not_made() {
    let known = ["maxLength", "minLength", "label", "name"];
    for (given, found) in [
        ("maxLenght", Some("maxLength")),
        ("MAXLENGTH", Some("maxLength")),
        ("lable", Some("label")),
        ("nam", Some("name")),
        ("tooltip", None),
        ("x", None),
        ("", None),
    ] {
        assert_eq!(nearest(given, known), found, "{given}");
    }
    assert_eq!(did_you_mean("lable", known), "; did you mean `label`?");
    assert_eq!(did_you_mean("tooltip", known), "");
}
