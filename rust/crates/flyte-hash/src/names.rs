//! The rules for names in a tree: plain relative POSIX paths, as bytes.

use crate::error::{Error, NameProblem, Result};

/// Check all names and return their indices in byte order.
///
/// A name is refused when it is empty, absolute, has an empty, `.` or `..` component, contains a NUL byte, is given
/// twice, or is a file where another name needs a folder.
pub fn sorted_order<N: AsRef<[u8]>>(names: &[N]) -> Result<Vec<usize>> {
    for name in names {
        check(name.as_ref()).map_err(|problem| refuse(name.as_ref(), problem))?;
    }
    let mut order: Vec<usize> = (0..names.len()).collect();
    order.sort_unstable_by(|left, right| names[*left].as_ref().cmp(names[*right].as_ref()));
    let sorted = |position: usize| names[order[position]].as_ref();
    for position in 1..order.len() {
        if sorted(position - 1) == sorted(position) {
            return Err(refuse(sorted(position), NameProblem::Duplicate));
        }
    }
    for position in 0..order.len() {
        if let Some(inner) = name_below(sorted(position), &order[position + 1..], names) {
            return Err(refuse(
                sorted(position),
                NameProblem::FileAndFolder(inner.to_vec()),
            ));
        }
    }
    Ok(order)
}

fn check(name: &[u8]) -> std::result::Result<(), NameProblem> {
    match name {
        [] => return Err(NameProblem::Empty),
        [b'/', ..] => return Err(NameProblem::Absolute),
        _ if name.contains(&0) => return Err(NameProblem::Nul),
        _ => {}
    }
    for component in name.split(|byte| *byte == b'/') {
        match component {
            b"" => return Err(NameProblem::EmptyComponent),
            b"." | b".." => return Err(NameProblem::DotComponent),
            _ => {}
        }
    }
    Ok(())
}

fn refuse(name: &[u8], problem: NameProblem) -> Error {
    Error::Name {
        name: name.to_vec(),
        problem,
    }
}

/// The first of the names that come `after` the file `name` in byte order and lie in a folder of that name.
///
/// They need not follow at once: `a`, `a-b`, `a/c`.
fn name_below<'a, N: AsRef<[u8]>>(
    name: &[u8],
    after: &[usize],
    names: &'a [N],
) -> Option<&'a [u8]> {
    let next = after.first().map(|index| names[*index].as_ref())?;
    if !next.starts_with(name) {
        return None;
    }
    let folder: Vec<u8> = [name, b"/"].concat();
    let position = after.partition_point(|index| names[*index].as_ref() < folder.as_slice());
    after
        .get(position)
        .map(|index| names[*index].as_ref())
        .filter(|found| found.starts_with(&folder))
}

#[cfg(test)]
mod tests {
    use super::sorted_order;

    fn refusal(names: &[&str]) -> String {
        sorted_order(names)
            .unwrap_err()
            .to_string()
            .split(';')
            .next()
            .unwrap()
            .to_owned()
    }

    #[test]
    fn names_are_ordered_by_their_bytes() {
        assert_eq!(
            vec![2, 0, 1, 3],
            sorted_order(&["a/b", "a0", "a-b/c", "é"]).unwrap()
        );
    }

    #[test]
    fn dots_within_components_are_plain() {
        assert!(sorted_order(&["..a", "a..", "...", ".git/x", "a/.b", "a\\b", "~"]).is_ok());
    }

    #[test]
    fn names_that_leave_the_tree_or_cannot_be_extracted_are_refused() {
        assert_eq!("name `` is empty", refusal(&["a", ""]));
        assert_eq!("name `/a` is absolute", refusal(&["/a"]));
        for name in ["..", "../a", "a/..", "a/../b", ".", "./a", "a/./b"] {
            assert_eq!(
                format!("name `{name}` has a `.` or `..` component"),
                refusal(&[name])
            );
        }
        for name in ["a//b", "a/"] {
            assert_eq!(
                format!("name `{name}` has an empty component"),
                refusal(&[name])
            );
        }
        assert_eq!("name `a\0` contains a NUL byte", refusal(&["a\0"]));
        assert_eq!(
            "name `a` is given more than once",
            refusal(&["a", "b", "a"])
        );
        assert_eq!(
            "name `a` is a file and also the folder of `a/b/c`",
            refusal(&["a", "a-b", "a.x", "a/b/c"])
        );
    }
}
