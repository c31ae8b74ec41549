//! Lines of ignore files, and which of them decides over a path.
//!
//! `.gitignore` as git has it: the last matching line of the deepest file wins, and nothing comes back below an ignored
//! folder. `.flyteignore` has the same lines but lets them be taken back one by one, as `.dockerignore` does: a line
//! also stands for all that is below what it matches, until a later line or a deeper file says otherwise.

use std::sync::Arc;

use crate::wildmatch::{literal_length, matches};

/// One line of an ignore file.
#[derive(Debug)]
struct Line {
    pattern: Vec<u8>,
    literal: usize,
    is_negative: bool,
    folders_only: bool,
    /// Without a `/` but at its end: compared with the last component, at any depth.
    any_depth: bool,
    /// `*` and then no other wildcard: compared with the end of the name.
    is_suffix: bool,
}

impl Line {
    fn parse(text: &[u8]) -> Self {
        let is_negative = text.first() == Some(&b'!');
        let mut pattern = &text[usize::from(is_negative)..];
        let folders_only = pattern.last() == Some(&b'/');
        if folders_only {
            pattern = &pattern[..pattern.len() - 1];
        }
        let any_depth = !pattern.contains(&b'/');
        if !any_depth && pattern.first() == Some(&b'/') {
            pattern = &pattern[1..];
        }
        let is_suffix =
            pattern.first() == Some(&b'*') && literal_length(&pattern[1..]) == pattern.len() - 1;
        Self {
            pattern: pattern.to_vec(),
            literal: literal_length(pattern),
            is_negative,
            folders_only,
            any_depth,
            is_suffix,
        }
    }

    /// Whether the line matches `path`, which is relative to the folder of the ignore file.
    fn matches(&self, path: &[u8], is_folder: bool) -> bool {
        if self.folders_only && !is_folder {
            return false;
        }
        if self.any_depth {
            let start = path
                .iter()
                .rposition(|byte| *byte == b'/')
                .map_or(0, |at| at + 1);
            let name = &path[start..];
            return match () {
                () if self.literal == self.pattern.len() => self.pattern == name,
                () if self.is_suffix => name.ends_with(&self.pattern[1..]),
                () => matches(&self.pattern, name, false),
            };
        }
        // The literal start is compared apart, as git does: what is left is then the start of the pattern.
        let (start, rest) = self.pattern.split_at(self.literal);
        path.strip_prefix(start)
            .is_some_and(|path| match rest.is_empty() {
                true => path.is_empty(),
                false => matches(rest, path, true),
            })
    }
}

/// The lines of one ignore file.
#[derive(Debug)]
pub(crate) struct Rules {
    lines: Vec<Line>,
    /// Bytes of a path before the part that is relative to the file's folder.
    skip: usize,
    has_negation: bool,
}

impl Rules {
    /// Parse the content of an ignore file in the folder `folder` (a name, empty for the top); `None` if it has no line.
    pub(crate) fn parse(content: &[u8], folder: &[u8]) -> Option<Self> {
        let content = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content);
        let lines: Vec<Line> = content
            .split(|byte| *byte == b'\n')
            .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
            .filter(|line| !line.starts_with(b"#"))
            .map(without_trailing_spaces)
            .filter(|line| !line.is_empty())
            .map(Line::parse)
            .collect();
        (!lines.is_empty()).then(|| Self {
            has_negation: lines.iter().any(|line| line.is_negative),
            lines,
            skip: folder.len() + usize::from(!folder.is_empty()),
        })
    }

    /// Position of the last line that matches.
    fn last_match(&self, path: &[u8], is_folder: bool) -> Option<usize> {
        let path = path.get(self.skip..)?;
        self.lines
            .iter()
            .rposition(|line| line.matches(path, is_folder))
    }
}

/// Spaces at the end do not count unless a backslash stands before them.
fn without_trailing_spaces(line: &[u8]) -> &[u8] {
    let (mut end, mut at) = (0, 0);
    while at < line.len() {
        match line[at] {
            b' ' => at += 1,
            b'\\' => {
                at = (at + 2).min(line.len());
                end = at;
            }
            _ => {
                at += 1;
                end = at;
            }
        }
    }
    &line[..end]
}

/// Ignore files from a folder upwards.
#[derive(Debug)]
pub(crate) struct Chain {
    rules: Rules,
    depth: usize,
    parent: Option<Arc<Chain>>,
}

/// Put the rules of a deeper folder before those of its parents.
pub(crate) fn extend(parent: &Option<Arc<Chain>>, rules: Option<Rules>) -> Option<Arc<Chain>> {
    match rules {
        None => parent.clone(),
        Some(rules) => Some(Arc::new(Chain {
            rules,
            depth: parent.as_ref().map_or(0, |parent| parent.depth + 1),
            parent: parent.clone(),
        })),
    }
}

fn files(chain: &Option<Arc<Chain>>) -> impl Iterator<Item = &Chain> {
    std::iter::successors(chain.as_deref(), |chain| chain.parent.as_deref())
}

/// Whether git's rules ignore `path`.
pub(crate) fn is_git_ignored(chain: &Option<Arc<Chain>>, path: &[u8], is_folder: bool) -> bool {
    files(chain)
        .find_map(|file| {
            let rules = &file.rules;
            let line = rules.last_match(path, is_folder)?;
            Some(!rules.lines[line].is_negative)
        })
        .unwrap_or(false)
}

/// The line of a `.flyteignore` that decides so far: the later it stands, the more it counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// Depth of the file and position of the line; `None` when no line matches.
    rank: Option<(usize, usize)>,
    /// Whether that line leaves the path out.
    pub(crate) is_ignored: bool,
}

/// What holds for `path`, given what holds for its folder.
pub(crate) fn verdict(
    chain: &Option<Arc<Chain>>,
    inherited: Verdict,
    path: &[u8],
    is_folder: bool,
) -> Verdict {
    let own = files(chain).find_map(|file| {
        let line = file.rules.last_match(path, is_folder)?;
        Some(Verdict {
            rank: Some((file.depth, line)),
            is_ignored: !file.rules.lines[line].is_negative,
        })
    });
    match own {
        Some(own) if own.rank > inherited.rank => own,
        _ => inherited,
    }
}

/// Whether a line that counts more than `verdict` could bring something back.
pub(crate) fn may_return(chain: &Option<Arc<Chain>>, verdict: Verdict) -> bool {
    files(chain).any(|file| {
        file.rules.has_negation
            && file
                .rules
                .lines
                .iter()
                .enumerate()
                .any(|(line, parsed)| parsed.is_negative && Some((file.depth, line)) > verdict.rank)
    })
}

#[cfg(test)]
mod tests {
    use super::{Rules, Verdict, extend, is_git_ignored, may_return, verdict};

    #[test]
    fn the_last_line_of_the_deepest_file_decides() {
        let top = extend(
            &None,
            Rules::parse(b"*.log\n/only-here\n# no\n\\#yes\nx \\ \n", b""),
        );
        let deep = extend(&top, Rules::parse(b"!keep.log\n", b"a"));
        for (path, expected) in [
            ("x.log", true),
            ("b/x.log", true),
            ("only-here", true),
            ("b/only-here", false),
            ("#yes", true),
            ("x  ", true),
        ] {
            assert_eq!(
                expected,
                is_git_ignored(&top, path.as_bytes(), false),
                "{path}"
            );
        }
        assert!(!is_git_ignored(&deep, b"a/keep.log", false));
        assert!(is_git_ignored(&deep, b"a/lost.log", false));
    }

    #[test]
    fn a_flyteignore_takes_back_what_lies_below() {
        let chain = extend(&None, Rules::parse(b"data\n!data/keep.py\n", b""));
        let folder = verdict(&chain, Verdict::default(), b"data", true);
        assert!(folder.is_ignored && may_return(&chain, folder));
        assert!(verdict(&chain, folder, b"data/lost.py", false).is_ignored);
        assert!(!verdict(&chain, folder, b"data/keep.py", false).is_ignored);
    }
}
