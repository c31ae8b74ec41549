//! Git's glob language over bytes (`gitignore(5)`, `git help glossary` under "pathspec"; behaviour compared with git itself).
//!
//! Not the `ignore` crate: it reads `{a,b}` as a choice, knows no `[[:digit:]]`, and wants UTF-8; git does neither.

/// Outcome of a try; the two kinds of failure keep a pattern of many stars from going through every split.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Match,
    NoMatch,
    /// No longer start of the text can match either.
    Hopeless,
    /// Only a `**` further left can still help.
    NeedsDoubleStar,
}

/// Whether `pattern` matches all of `text`. With `is_path`, wildcards but `**` stop at `/`.
pub(crate) fn matches(pattern: &[u8], text: &[u8], is_path: bool) -> bool {
    attempt(pattern, text, is_path) == Outcome::Match
}

/// Length of the start of a pattern that stands for itself.
pub(crate) fn literal_length(pattern: &[u8]) -> usize {
    pattern
        .iter()
        .position(|byte| matches!(byte, b'*' | b'?' | b'[' | b'\\'))
        .unwrap_or(pattern.len())
}

fn attempt(pattern: &[u8], text: &[u8], is_path: bool) -> Outcome {
    let (mut at, mut seen) = (0, 0);
    while let Some(&token) = pattern.get(at) {
        if token == b'*' {
            return stars(pattern, at, &text[seen..], is_path);
        }
        let Some(&byte) = text.get(seen) else {
            return Outcome::Hopeless;
        };
        match token {
            b'\\' => {
                at += 1;
                if pattern.get(at) != Some(&byte) {
                    return Outcome::NoMatch;
                }
            }
            b'?' if is_path && byte == b'/' => return Outcome::NoMatch,
            b'?' => {}
            b'[' => match class(pattern, at + 1, byte) {
                None => return Outcome::Hopeless,
                Some((is_in, _)) if !is_in || (is_path && byte == b'/') => return Outcome::NoMatch,
                Some((_, end)) => at = end,
            },
            _ if token != byte => return Outcome::NoMatch,
            _ => {}
        }
        at += 1;
        seen += 1;
    }
    match seen == text.len() {
        true => Outcome::Match,
        false => Outcome::NoMatch,
    }
}

/// Match from the first of one or more stars at `at`.
fn stars(pattern: &[u8], at: usize, text: &[u8], is_path: bool) -> Outcome {
    let count = pattern[at..]
        .iter()
        .take_while(|byte| **byte == b'*')
        .count();
    let rest = &pattern[at + count..];
    let crosses = match (is_path, count) {
        (false, _) => true,
        (true, 1) => false,
        (true, _) => {
            let is_start = at == 0 || pattern[at - 1] == b'/';
            let is_whole = is_start && matches!(rest, [] | [b'/', ..] | [b'\\', b'/', ..]);
            // `a/**/b` matches `a/b`.
            if is_whole
                && rest.first() == Some(&b'/')
                && attempt(&rest[1..], text, is_path) == Outcome::Match
            {
                return Outcome::Match;
            }
            is_whole
        }
    };
    if rest.is_empty() {
        return match crosses || !text.contains(&b'/') {
            true => Outcome::Match,
            false => Outcome::NeedsDoubleStar,
        };
    }
    if !crosses && rest[0] == b'/' {
        let Some(slash) = text.iter().position(|byte| *byte == b'/') else {
            return Outcome::NeedsDoubleStar;
        };
        return attempt(&rest[1..], &text[slash + 1..], is_path);
    }
    for start in 0..text.len() {
        match attempt(rest, &text[start..], is_path) {
            Outcome::NoMatch if !crosses && text[start] == b'/' => return Outcome::NeedsDoubleStar,
            Outcome::NoMatch => {}
            Outcome::NeedsDoubleStar if crosses => {}
            outcome => return outcome,
        }
    }
    Outcome::Hopeless
}

/// Whether `byte` is in the class that starts after `[`, and where its `]` stands; `None` when the class is malformed.
fn class(pattern: &[u8], mut at: usize, byte: u8) -> Option<(bool, usize)> {
    let is_negated = matches!(pattern.get(at), Some(b'!' | b'^'));
    at += usize::from(is_negated);
    let (mut is_in, mut before, mut is_first) = (false, None, true);
    loop {
        let token = *pattern.get(at)?;
        if token == b']' && !is_first {
            return Some((is_in != is_negated, at));
        }
        is_first = false;
        let next = pattern.get(at + 1);
        before = match (token, before) {
            (b'\\', _) => {
                at += 1;
                let literal = *pattern.get(at)?;
                is_in |= literal == byte;
                Some(literal)
            }
            (b'-', Some(low)) if next.is_some_and(|next| *next != b']') => {
                at += 1;
                let mut high = pattern[at];
                if high == b'\\' {
                    at += 1;
                    high = *pattern.get(at)?;
                }
                is_in |= (low..=high).contains(&byte);
                None
            }
            (b'[', _) if next == Some(&b':') => {
                let start = at + 2;
                let end = start + pattern[start..].iter().position(|byte| *byte == b']')?;
                if end == start || pattern[end - 1] != b':' {
                    is_in |= byte == b'[';
                    Some(b'[')
                } else {
                    is_in |= is_named(&pattern[start..end - 1], byte)?;
                    at = end;
                    None
                }
            }
            _ => {
                is_in |= token == byte;
                Some(token)
            }
        };
        at += 1;
    }
}

fn is_named(name: &[u8], byte: u8) -> Option<bool> {
    Some(match name {
        b"alnum" => byte.is_ascii_alphanumeric(),
        b"alpha" => byte.is_ascii_alphabetic(),
        b"blank" => matches!(byte, b' ' | b'\t'),
        b"cntrl" => byte.is_ascii_control(),
        b"digit" => byte.is_ascii_digit(),
        b"graph" => byte.is_ascii_graphic(),
        b"lower" => byte.is_ascii_lowercase(),
        b"print" => byte == b' ' || byte.is_ascii_graphic(),
        b"punct" => byte.is_ascii_punctuation(),
        b"space" => matches!(byte, b' ' | b'\t' | b'\n' | b'\r'),
        b"upper" => byte.is_ascii_uppercase(),
        b"xdigit" => byte.is_ascii_hexdigit(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn stars_stop_at_slashes_in_paths_only() {
        for (pattern, text, as_path, as_name) in [
            ("*.py", "a/b.py", false, true),
            ("a/**/b", "a/b", true, false),
            ("a/**/b", "a/x/y/b", true, true),
            ("**/b", "b", true, false),
            ("a**b", "a/b", false, true),
            ("a/*", "a/b/c", false, true),
            ("a/**", "a/b/c", true, true),
            ("{a,b}", "a", false, false),
            ("[[:digit:]-]x", "-x", true, true),
            ("[!a]", "/", false, true),
            ("[]]", "]", true, true),
            ("[a", "[a", false, false),
            ("a\\*", "a*", true, true),
        ] {
            assert_eq!(
                as_path,
                matches(pattern.as_bytes(), text.as_bytes(), true),
                "{pattern} {text}"
            );
            assert_eq!(
                as_name,
                matches(pattern.as_bytes(), text.as_bytes(), false),
                "{pattern} {text}"
            );
        }
    }

    #[test]
    fn many_stars_end_soon() {
        let pattern = b"*a".repeat(40);
        let mut text = b"a".repeat(2000);
        text.push(b'b');
        assert!(!matches(&pattern, &text, false));
        assert!(!matches(&b"**/a".repeat(30), &b"b/".repeat(400), true));
    }
}
