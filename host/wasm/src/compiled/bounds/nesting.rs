//! How deep the types of components and instances stand within one another. Every reader of them
//! recurses, so what is too deep must be refused before it is read.

use wasmparser::{BinaryReader, ComponentImport, ComponentType, InstanceTypeDeclaration, Result};

/// Most types of components and instances within one another. Toolchains make two or three.
pub(super) const MAX_TYPE_DEPTH: usize = 20;

/// The first byte of a component's type, and of an instance's.
const HAVE_DECLARATIONS: [u8; 2] = [0x41, 0x42];
/// The first byte of a type's declaration, and of an import's.
const TYPE: u8 = 0x01;
const IMPORT: u8 = 0x03;

/// The types that stand within those of a section of `count` types, and whether they stand too
/// deep.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Inner {
    /// So many.
    Count(u64),
    /// More than [`MAX_TYPE_DEPTH`] within one another.
    TooDeep,
}

/// Reads a section of types from behind its count.
///
/// # Errors
/// Where the bytes are no types.
pub(super) fn inner_types(reader: &mut BinaryReader<'_>, count: u32) -> Result<Inner> {
    // For each type that is being read, how many of its declarations are still to come.
    let mut open: Vec<u32> = Vec::with_capacity(MAX_TYPE_DEPTH);
    let mut inner = 0;
    for _ in 0..count {
        begin_type(reader, &mut open)?;
        while let Some(declarations) = open.last_mut() {
            if *declarations == 0 {
                open.pop();
                continue;
            }
            *declarations -= 1;
            match next_byte(reader)? {
                TYPE => {
                    inner += 1;
                    reader.read_u8()?;
                    begin_type(reader, &mut open)?;
                }
                IMPORT => {
                    reader.read_u8()?;
                    reader.read::<ComponentImport<'_>>()?;
                }
                _ => drop(reader.read::<InstanceTypeDeclaration<'_>>()?),
            }
            if open.len() > MAX_TYPE_DEPTH {
                return Ok(Inner::TooDeep);
            }
        }
    }
    Ok(Inner::Count(inner))
}

/// Reads a type, as far as it has no declarations.
fn begin_type(reader: &mut BinaryReader<'_>, open: &mut Vec<u32>) -> Result<()> {
    if HAVE_DECLARATIONS.contains(&next_byte(reader)?) {
        reader.read_u8()?;
        open.push(reader.read_var_u32()?);
    } else {
        reader.read::<ComponentType<'_>>()?;
    }
    Ok(())
}

fn next_byte(reader: &BinaryReader<'_>) -> Result<u8> {
    reader.clone().read_u8()
}
