//! What a kernel module says about itself: the `.modinfo` section of its ELF file, "key=value" strings that end with a
//! zero. Debian's kernel packages come without modules.dep (depmod writes it where a kernel is installed), so that the
//! `depends` of each module is read instead; it is what depmod's list is checked against by modprobe too.

/// Why a module cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ModinfoError {
    #[error("not a 64-bit little-endian ELF file")]
    NotElf,
    #[error("an ELF file that ends too early")]
    Truncated,
    #[error("no .modinfo section with a depends entry")]
    NoDependencies,
}

/// Names of the modules that have to be loaded before this one.
pub(crate) fn dependencies(module: &[u8]) -> Result<Vec<String>, ModinfoError> {
    let modinfo = section(module, b".modinfo")?.ok_or(ModinfoError::NoDependencies)?;
    let depends = modinfo
        .split(|byte| *byte == 0)
        .find_map(|entry| entry.strip_prefix(b"depends="))
        .ok_or(ModinfoError::NoDependencies)?;
    Ok(String::from_utf8_lossy(depends)
        .split(',')
        .filter(|name| !name.is_empty())
        .map(|name| name.replace('-', "_"))
        .collect())
}

// Offsets in Elf64_Ehdr and Elf64_Shdr: elf(5).
const SECTION_TABLE_OFFSET: usize = 0x28;
const SECTION_COUNT: usize = 0x3c;
const NAMES_SECTION: usize = 0x3e;
const SECTION_HEADER_BYTES: usize = 64;

/// The contents of a section by its name.
fn section<'a>(elf: &'a [u8], wanted: &[u8]) -> Result<Option<&'a [u8]>, ModinfoError> {
    const CLASS_64: u8 = 2;
    const LITTLE_ENDIAN: u8 = 1;
    if elf.get(..6) != Some(&[0x7f, b'E', b'L', b'F', CLASS_64, LITTLE_ENDIAN]) {
        return Err(ModinfoError::NotElf);
    }
    let table = offset(elf, SECTION_TABLE_OFFSET)?;
    let count = usize::from(u16::from_le_bytes(bytes(elf, SECTION_COUNT)?));
    let names = usize::from(u16::from_le_bytes(bytes(elf, NAMES_SECTION)?));
    let header = |index: usize| {
        let start = index.checked_mul(SECTION_HEADER_BYTES).and_then(|start| start.checked_add(table));
        start
            .and_then(|start| elf.get(start..start.checked_add(SECTION_HEADER_BYTES)?))
            .ok_or(ModinfoError::Truncated)
    };
    let contents = |header: &[u8]| {
        let (start, size) = (offset(header, 0x18)?, offset(header, 0x20)?);
        start.checked_add(size).and_then(|end| elf.get(start..end)).ok_or(ModinfoError::Truncated)
    };
    let names = contents(header(names)?)?;
    for index in 0..count {
        let header = header(index)?;
        let name = u32::from_le_bytes(bytes(header, 0)?) as usize;
        let name = names.get(name..).unwrap_or_default();
        if name.strip_prefix(wanted).is_some_and(|rest| rest.first() == Some(&0)) {
            return contents(header).map(Some);
        }
    }
    Ok(None)
}

fn bytes<const N: usize>(elf: &[u8], at: usize) -> Result<[u8; N], ModinfoError> {
    elf.get(at..at + N).and_then(|slice| slice.try_into().ok()).ok_or(ModinfoError::Truncated)
}

fn offset(elf: &[u8], at: usize) -> Result<usize, ModinfoError> {
    usize::try_from(u64::from_le_bytes(bytes(elf, at)?)).map_err(|_| ModinfoError::Truncated)
}

#[cfg(test)]
mod tests;
