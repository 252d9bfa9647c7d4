//! How large and how nested a component may be. Counted before anything else reads it: a refusal
//! here costs one pass.
//!
//! The numbers leave room for whole interpreters. They keep out what no toolchain makes and what
//! the compiler's time or memory would grow with faster than with the component.

use wasmparser::{BinaryReader, Parser, Payload};

use nesting::{Inner, MAX_TYPE_DEPTH, inner_types};

mod nesting;

/// Most components within one another, the outermost and core modules included.
const MAX_DEPTH: usize = 10;
/// Longest code of one function, bytes. The compiler's time can grow faster than with a function's
/// length.
const MAX_FUNCTION_BYTES: usize = 1 << 20;

/// What is counted in a component and all that it contains.
#[derive(Clone, Copy)]
enum Counted {
    Components,
    Modules,
    Instances,
    Types,
    Functions,
    Imports,
    Exports,
    Aliases,
    Memories,
    Tables,
    Globals,
    Segments,
}

const KINDS: usize = 12;

/// The limit of each, in the order above, and its name in messages.
const BOUNDS: [(&str, u64); KINDS] = [
    ("components", 100),
    ("core modules", 100),
    ("instances", 1_000),
    ("types", 20_000),
    ("functions", 100_000),
    ("imports", 20_000),
    ("exports", 100_000),
    ("aliases", 100_000),
    ("memories", 16),
    ("tables", 100),
    ("globals", 100_000),
    ("data and element segments", 100_000),
];

/// Counts.
///
/// # Errors
/// What there is too much of, or where the bytes are no component.
pub(super) fn check(bytes: &[u8]) -> Result<(), String> {
    let mut found = Found::default();
    for payload in Parser::new(0).parse_all(bytes) {
        let payload = payload.map_err(|error| error.to_string())?;
        if let Payload::ComponentTypeSection(section) = &payload {
            let range = section.range();
            let mut reader = BinaryReader::new(&bytes[range.clone()], range.start);
            found.take_inner_types(&mut reader).map_err(|error| error.to_string())??;
        }
        found.take(&payload)?;
    }
    Ok(())
}

#[derive(Default)]
struct Found {
    depth: usize,
    counts: [u64; KINDS],
}

impl Found {
    fn take(&mut self, payload: &Payload<'_>) -> Result<(), String> {
        use Counted::*;
        match payload {
            // The outermost is not a section of anything.
            Payload::Version { .. } => self.enter(),
            Payload::End(_) => {
                self.depth = self.depth.saturating_sub(1);
                Ok(())
            }
            Payload::ModuleSection { .. } => self.add(Modules, 1),
            Payload::ComponentSection { .. } => self.add(Components, 1),
            Payload::InstanceSection(section) => self.add(Instances, section.count()),
            Payload::ComponentInstanceSection(section) => self.add(Instances, section.count()),
            Payload::TypeSection(section) => self.add(Types, section.count()),
            Payload::CoreTypeSection(section) => self.add(Types, section.count()),
            Payload::ComponentTypeSection(section) => self.add(Types, section.count()),
            Payload::FunctionSection(section) => self.add(Functions, section.count()),
            Payload::ComponentCanonicalSection(section) => self.add(Functions, section.count()),
            Payload::ImportSection(section) => self.add(Imports, section.count()),
            Payload::ComponentImportSection(section) => self.add(Imports, section.count()),
            Payload::ExportSection(section) => self.add(Exports, section.count()),
            Payload::ComponentExportSection(section) => self.add(Exports, section.count()),
            Payload::ComponentAliasSection(section) => self.add(Aliases, section.count()),
            Payload::MemorySection(section) => self.add(Memories, section.count()),
            Payload::TableSection(section) => self.add(Tables, section.count()),
            Payload::GlobalSection(section) => self.add(Globals, section.count()),
            Payload::DataSection(section) => self.add(Segments, section.count()),
            Payload::ElementSection(section) => self.add(Segments, section.count()),
            Payload::CodeSectionEntry(body) => short_enough(body.range().len()),
            // The rest is bounded by what it belongs to, or refused by the engine.
            _ => Ok(()),
        }
    }

    fn take_inner_types(&mut self, reader: &mut BinaryReader<'_>) -> wasmparser::Result<Result<(), String>> {
        let count = reader.read_var_u32()?;
        Ok(match inner_types(reader, count)? {
            Inner::Count(inner) => self.add(Counted::Types, u32::try_from(inner).unwrap_or(u32::MAX)),
            Inner::TooDeep => Err(format!("it has more than {MAX_TYPE_DEPTH} types within one another")),
        })
    }

    fn enter(&mut self) -> Result<(), String> {
        self.depth += 1;
        if self.depth <= MAX_DEPTH { Ok(()) } else { Err(format!("it has more than {MAX_DEPTH} components within one another")) }
    }

    fn add(&mut self, what: Counted, more: u32) -> Result<(), String> {
        let (name, most) = BOUNDS[what as usize];
        let count = &mut self.counts[what as usize];
        *count += u64::from(more);
        if *count <= most { Ok(()) } else { Err(format!("it has more than {most} {name}")) }
    }
}

fn short_enough(bytes: usize) -> Result<(), String> {
    if bytes <= MAX_FUNCTION_BYTES {
        return Ok(());
    }
    Err(format!("one of its functions has {bytes} bytes of code; the most is {MAX_FUNCTION_BYTES}"))
}

#[cfg(test)]
mod tests;
