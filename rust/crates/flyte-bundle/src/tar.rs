//! Headers of GNU tar (`info tar`, "Basic Tar Format"), without owner, time and umask.

/// Tar's unit: headers have this size, contents are padded to it.
pub(crate) const RECORD: usize = 512;

/// GNU tar and Python pad the end of an archive to this size.
const BLOCKING: u64 = 10_240;
/// 1981-01-01T00:00:00Z: late enough for zip and FAT, and what Flyte's own bundles have.
const MODIFIED: u64 = 347_155_200;
const NAME_FIELD: usize = 100;
const LONG_NAME: &[u8] = b"././@LongLink";

/// The bytes that padding adds to content of `length` bytes.
pub(crate) fn padding(length: u64) -> usize {
    (length.next_multiple_of(RECORD as u64) - length) as usize
}

/// The zeros that end an archive whose entries take `length` bytes.
pub(crate) fn trailer(length: u64) -> usize {
    ((length + 2 * RECORD as u64).next_multiple_of(BLOCKING) - length) as usize
}

/// The bytes that the headers of a file take.
pub(crate) fn header_length(name: &[u8]) -> usize {
    match name.len() > NAME_FIELD {
        true => 2 * RECORD + (name.len() + 1).next_multiple_of(RECORD),
        false => RECORD,
    }
}

/// Append the headers of a regular file to `output`.
pub(crate) fn push_headers(output: &mut Vec<u8>, name: &[u8], executable: bool, length: u64) {
    if name.len() > NAME_FIELD {
        output.extend_from_slice(&header(LONG_NAME, 0, name.len() as u64 + 1, 0, b'L'));
        output.extend_from_slice(name);
        let zeros = (name.len() + 1).next_multiple_of(RECORD) - name.len();
        output.resize(output.len() + zeros, 0);
    }
    let mode = if executable { 0o755 } else { 0o644 };
    output.extend_from_slice(&header(
        &name[..name.len().min(NAME_FIELD)],
        mode,
        length,
        MODIFIED,
        b'0',
    ));
}

fn header(name: &[u8], mode: u64, length: u64, modified: u64, kind: u8) -> [u8; RECORD] {
    let mut header = [0_u8; RECORD];
    header[..name.len()].copy_from_slice(name);
    write_number(&mut header[100..108], mode);
    write_number(&mut header[108..116], 0);
    write_number(&mut header[116..124], 0);
    write_number(&mut header[124..136], length);
    write_number(&mut header[136..148], modified);
    header[148..156].fill(b' ');
    header[156] = kind;
    header[257..265].copy_from_slice(b"ustar  \0");
    let sum: u64 = header.iter().map(|byte| u64::from(*byte)).sum();
    write_number(&mut header[148..155], sum);
    header
}

/// Octal digits and a NUL, or GNU's base-256 where they do not fit (files of 8 GiB and more).
fn write_number(field: &mut [u8], value: u64) {
    let digits = field.len() - 1;
    if value < 1 << (3 * digits) {
        for (position, byte) in field[..digits].iter_mut().rev().enumerate() {
            *byte = b'0' + ((value >> (3 * position)) & 7) as u8;
        }
        field[digits] = 0;
        return;
    }
    let width = field.len();
    field.fill(0);
    field[width - 8..].copy_from_slice(&value.to_be_bytes());
    field[0] |= 0x80;
}

#[cfg(test)]
mod tests {
    use super::{header_length, push_headers, write_number};

    #[test]
    fn header_lengths_are_what_is_written() {
        for length in [1, 99, 100, 101, 255, 511, 512, 513, 1023, 1024] {
            let name = vec![b'n'; length];
            let mut output = Vec::new();
            push_headers(&mut output, &name, false, 3);
            assert_eq!(header_length(&name), output.len(), "name of {length}");
        }
    }

    #[test]
    fn sizes_of_8_gib_and_more_are_base_256() {
        let mut field = [0xFF_u8; 12];
        write_number(&mut field, (8 << 30) - 1);
        assert_eq!(b"77777777777\0", &field);
        write_number(&mut field, 8 << 30);
        assert_eq!([0x80, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0], field);
    }
}
