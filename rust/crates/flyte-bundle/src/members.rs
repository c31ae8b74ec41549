//! Reading the members of a tar stream: ustar, GNU long names and sizes, pax paths and sizes; bounded at every step.

use std::io::{self, Read};

use crate::tar::RECORD;

/// Longer names cannot be opened anyway (`PATH_MAX`); pax records hold other things too.
const MOST_NAME: u64 = 64 * 1024;
const MOST_PAX: u64 = 1024 * 1024;

/// What is wrong with a stream.
#[derive(Debug)]
pub(crate) enum Problem {
    /// Reading or decompressing failed.
    Read(io::Error),
    /// The bytes are no archive that may be extracted.
    Format(String),
}

/// What a member is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MemberKind {
    File { executable: bool },
    Folder,
    Symlink,
    HardLink,
    Other(&'static str),
}

/// One member's header.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) name: Vec<u8>,
    pub(crate) link: Vec<u8>,
    pub(crate) kind: MemberKind,
}

/// What the headers before a member say about it.
#[derive(Default)]
struct Pending {
    name: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    size: Option<u64>,
}

/// The members of an uncompressed tar stream, one after the other.
pub(crate) struct Members<R> {
    stream: R,
    limit: u64,
    taken: u64,
    content_left: u64,
    padding_left: u64,
}

impl<R: Read> Members<R> {
    /// Read at most `limit` bytes of `stream`.
    pub(crate) fn new(stream: R, limit: u64) -> Self {
        Self {
            stream,
            limit,
            taken: 0,
            content_left: 0,
            padding_left: 0,
        }
    }

    /// The next member; what is left of the one before is skipped. `None` at the end of the archive.
    pub(crate) fn next(&mut self) -> Result<Option<Member>, Problem> {
        let mut pending = Pending::default();
        let mut is_pending = false;
        loop {
            self.skip_rest()?;
            let mut header = [0_u8; RECORD];
            let count = self.read_some(&mut header)?;
            let at_end = count == 0 || (count == RECORD && header.iter().all(|byte| *byte == 0));
            match at_end {
                true if is_pending => return Err(Problem::Format("ends within a member".into())),
                true => return Ok(None),
                false if count < RECORD => {
                    return Err(Problem::Format("ends within a header".into()));
                }
                false => {}
            }
            check_sum(&header)?;
            self.set_content(number(&header[124..136])?);
            is_pending = true;
            match header[156] {
                b'L' => pending.name = Some(until_nul(&self.read_whole(MOST_NAME)?).to_vec()),
                b'K' => pending.link = Some(until_nul(&self.read_whole(MOST_NAME)?).to_vec()),
                b'x' | b'X' => read_pax(&self.read_whole(MOST_PAX)?, &mut pending)?,
                // Global pax headers (`git archive` writes its commit there) say nothing that we use.
                b'g' => is_pending = false,
                kind => return self.member(&header, kind, pending).map(Some),
            }
        }
    }

    fn member(
        &mut self,
        header: &[u8; RECORD],
        kind: u8,
        pending: Pending,
    ) -> Result<Member, Problem> {
        if let Some(size) = pending.size {
            self.set_content(size);
        }
        let name = pending.name.unwrap_or_else(|| header_name(header));
        let link = pending
            .link
            .unwrap_or_else(|| until_nul(&header[157..257]).to_vec());
        let executable = number(&header[100..108])? & 0o100 != 0;
        let kind = match kind {
            // Before POSIX a folder was a file whose name ends with a slash.
            b'0' | 0 | b'7' if name.ends_with(b"/") => MemberKind::Folder,
            b'0' | 0 | b'7' => MemberKind::File { executable },
            b'5' => MemberKind::Folder,
            b'2' => MemberKind::Symlink,
            b'1' => MemberKind::HardLink,
            b'3' | b'4' => MemberKind::Other("device"),
            b'6' => MemberKind::Other("FIFO"),
            b'S' => MemberKind::Other("sparse file"),
            _ => MemberKind::Other("member of unknown kind"),
        };
        if matches!(kind, MemberKind::Symlink | MemberKind::HardLink) {
            // Some writers give the size of the target; no content follows.
            self.set_content(0);
        }
        Ok(Member { name, link, kind })
    }

    /// Read the content of the current member; 0 at its end.
    pub(crate) fn read_content(&mut self, buffer: &mut [u8]) -> Result<usize, Problem> {
        let wanted =
            usize::try_from(self.content_left).map_or(buffer.len(), |left| left.min(buffer.len()));
        if wanted == 0 {
            return Ok(0);
        }
        let count = self.read_some(&mut buffer[..wanted])?;
        if count < wanted {
            return Err(Problem::Format(
                "ends within the content of a member".into(),
            ));
        }
        self.content_left -= count as u64;
        Ok(count)
    }

    /// Read to the end of the compressed stream, which checks its checksum.
    pub(crate) fn finish(&mut self) -> Result<(), Problem> {
        let mut rest = vec![0_u8; 64 * 1024];
        while self.read_some(&mut rest)? > 0 {}
        Ok(())
    }

    fn set_content(&mut self, size: u64) {
        self.content_left = size;
        self.padding_left = (RECORD as u64 - size % RECORD as u64) % RECORD as u64;
    }

    fn skip_rest(&mut self) -> Result<(), Problem> {
        let mut scratch = [0_u8; 8192];
        while self.read_content(&mut scratch)? > 0 {}
        let padding = self.padding_left as usize;
        self.padding_left = 0;
        match self.read_some(&mut scratch[..padding])? == padding {
            true => Ok(()),
            false => Err(Problem::Format(
                "ends within the content of a member".into(),
            )),
        }
    }

    fn read_whole(&mut self, most: u64) -> Result<Vec<u8>, Problem> {
        if self.content_left > most {
            return Err(Problem::Format(format!(
                "has a header of {} bytes; at most {most} are accepted",
                self.content_left
            )));
        }
        let mut content = vec![0_u8; self.content_left as usize];
        self.read_content(&mut content)?;
        Ok(content)
    }

    /// Fill `buffer` unless the stream ends.
    fn read_some(&mut self, buffer: &mut [u8]) -> Result<usize, Problem> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.stream.read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Problem::Read(error)),
            }
        }
        self.taken += filled as u64;
        match self.taken > self.limit {
            true => Err(Problem::Format(format!(
                "is longer than {} bytes when uncompressed; hint: raise `limit`",
                self.limit
            ))),
            false => Ok(filled),
        }
    }
}

fn check_sum(header: &[u8; RECORD]) -> Result<(), Problem> {
    let blank = header.iter().enumerate().map(|(position, byte)| {
        if (148..156).contains(&position) {
            b' '
        } else {
            *byte
        }
    });
    let sum: u64 = blank.map(u64::from).sum();
    match number(&header[148..156]) {
        Ok(expected) if expected == sum => Ok(()),
        _ => Err(Problem::Format(
            "is not a tar: a header's checksum is wrong".into(),
        )),
    }
}

/// Octal digits between blanks and NULs, or GNU's base-256.
fn number(field: &[u8]) -> Result<u64, Problem> {
    let bad = || Problem::Format("has a number that cannot be read".into());
    if field[0] & 0x80 != 0 {
        let (high, low) = field.split_at(field.len().saturating_sub(8));
        let is_small = high
            .iter()
            .enumerate()
            .all(|(position, byte)| *byte == if position == 0 { 0x80 } else { 0 });
        // A field of 8 bytes has the mark in its number.
        let value = low
            .iter()
            .fold(0_u64, |value, byte| (value << 8) | u64::from(*byte));
        return match (is_small, high.is_empty()) {
            (true, true) => Ok(value & !(1 << 63)),
            (true, false) if value < 1 << 63 => Ok(value),
            _ => Err(bad()),
        };
    }
    let text = field.trim_ascii_start();
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let rest_is_blank = text[digits..].iter().all(|byte| matches!(byte, b' ' | 0));
    let value = text[..digits]
        .iter()
        .try_fold(0_u64, |value, byte| match byte {
            b'0'..=b'7' => value
                .checked_mul(8)
                .map(|value| value + u64::from(byte - b'0')),
            _ => None,
        });
    value.filter(|_| rest_is_blank).ok_or_else(bad)
}

fn header_name(header: &[u8; RECORD]) -> Vec<u8> {
    let name = until_nul(&header[..100]);
    // Only POSIX ustar has a prefix; GNU keeps times there.
    let is_posix = &header[257..263] == b"ustar\0";
    let prefix = if is_posix {
        until_nul(&header[345..500])
    } else {
        b""
    };
    match prefix {
        b"" => name.to_vec(),
        _ => [prefix, b"/", name].concat(),
    }
}

fn until_nul(bytes: &[u8]) -> &[u8] {
    bytes.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// Records of the form `length key=value\n`, where the length counts the whole record.
fn read_pax(mut records: &[u8], pending: &mut Pending) -> Result<(), Problem> {
    let bad = || Problem::Format("has a pax header that cannot be read".into());
    while !records.is_empty() {
        let space = records
            .iter()
            .position(|byte| *byte == b' ')
            .ok_or_else(bad)?;
        let length: usize = std::str::from_utf8(&records[..space])
            .ok()
            .and_then(|text| text.parse().ok())
            .ok_or_else(bad)?;
        if length <= space + 1 || length > records.len() || records[length - 1] != b'\n' {
            return Err(bad());
        }
        let record = &records[space + 1..length - 1];
        let equals = record
            .iter()
            .position(|byte| *byte == b'=')
            .ok_or_else(bad)?;
        let (key, value) = (&record[..equals], &record[equals + 1..]);
        match key {
            b"path" => pending.name = Some(value.to_vec()),
            b"linkpath" => pending.link = Some(value.to_vec()),
            b"size" => {
                pending.size = Some(
                    std::str::from_utf8(value)
                        .ok()
                        .and_then(|text| text.parse().ok())
                        .ok_or_else(bad)?,
                )
            }
            _ if key.starts_with(b"GNU.sparse.") => {
                return Err(Problem::Format(
                    "has a sparse file, which is not supported".into(),
                ));
            }
            _ => {}
        }
        records = &records[length..];
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn numbers_are_octal_or_base_256() {
        assert_eq!(0o644, number(b"0000644\0").unwrap());
        assert_eq!(0o644, number(b"   644 \0").unwrap());
        assert_eq!(0, number(b"\0\0\0\0\0\0\0\0").unwrap());
        assert_eq!(
            8 << 30,
            number(&[0x80, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0]).unwrap()
        );
        assert!(number(b"0000x44\0").is_err());
        assert!(number(b"99999999").is_err());
        assert!(number(&[0xFF; 12]).is_err());
    }
}
