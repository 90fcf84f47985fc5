//! Which characters of a name that others chose are not shown as they are.

/// What is made visible before it reaches a terminal: control characters, which can rewrite what is on it, and the marks
/// that reorder or hide text, with which one name can look like another.
pub(crate) fn is_treacherous(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}
