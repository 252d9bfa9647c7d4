//! Has a guest's allocator begin with the memory that the guest starts with.
//!
//! Rust's allocator for WebAssembly asks for all of its memory with `memory.grow` and never touches what lies between the end of the
//! data and the end of the initial memory. Growing is dear for the host: it changes the protection of pages when a guest grows
//! its memory, and again when the next guest gets the same place. So every `memory.grow` becomes a call of a function that
//! hands out the initial memory first and grows when that is used up, and `memory.size` tells how much was handed out.
//!
//! What it hands out is zero, adjacent and asked for once, as if it were grown. A module with an allocator of its own that takes the
//! initial memory by itself, as C libraries do, must not be changed in this way; no crate for wasm32-unknown-unknown has one.

use std::convert::Infallible;

use anyhow::{Context, bail};
use wasm_encoder::reencode::{Error, Reencode, utils};
use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, Function, FunctionSection, GlobalSection, GlobalType, Instruction, Module, TypeSection, ValType,
};
use wasmparser::{ExternalKind, Operator, Parser, Payload, TypeRef};

const PAGE_BYTES: u32 = 64 << 10;
/// The global with which linkers tell where the data ends.
const HEAP_BASE: &str = "__heap_base";
/// What `memory.grow` returns when there is no more memory.
const NO_MORE: i32 = -1;

/// The same module, changed as said above; the module itself if it never grows its memory or does not say where its heap begins.
///
/// # Errors
/// When the bytes are no valid module.
pub fn use_first(module: &[u8]) -> anyhow::Result<Vec<u8>> {
    let Some(layout) = Layout::of(module)? else { return Ok(module.to_vec()) };
    let mut changed = Module::new();
    let mut change = Change { layout };
    change
        .parse_core_module(&mut changed, Parser::new(0), module)
        .map_err(|error| anyhow::anyhow!("cannot rewrite the module: {error}"))?;
    Ok(changed.finish())
}

/// Where the additions go: behind everything else, so that no index changes.
struct Layout {
    types: u32,
    functions: u32,
    globals: u32,
    /// Pages of the memory that hold stack and data.
    pages_in_use: u32,
}

impl Layout {
    /// `None` if there is nothing to change.
    fn of(module: &[u8]) -> anyhow::Result<Option<Self>> {
        let mut layout = Self { types: 0, functions: 0, globals: 0, pages_in_use: 0 };
        let (mut memories, mut heap_base, mut grows) = (0, None, false);
        let mut global_values = Vec::new();
        for payload in Parser::new(0).parse_all(module) {
            match payload? {
                Payload::TypeSection(types) => {
                    for group in types {
                        layout.types += u32::try_from(group?.types().len())?;
                    }
                }
                Payload::ImportSection(imports) => {
                    for import in imports.into_imports() {
                        match import?.ty {
                            TypeRef::Func(_) | TypeRef::FuncExact(_) => layout.functions += 1,
                            TypeRef::Global(_) => global_values.push(None),
                            // A memory that others use as well is not the module's to hand out.
                            TypeRef::Memory(_) => return Ok(None),
                            TypeRef::Table(_) | TypeRef::Tag(_) => {}
                        }
                    }
                }
                Payload::FunctionSection(functions) => layout.functions += functions.count(),
                Payload::MemorySection(section) => {
                    memories = section.count();
                    for memory in section {
                        let memory = memory?;
                        if memory.memory64 || memory.shared || memory.page_size_log2.is_some() {
                            return Ok(None);
                        }
                    }
                }
                Payload::GlobalSection(globals) => {
                    for global in globals {
                        global_values.push(match global?.init_expr.get_operators_reader().read()? {
                            Operator::I32Const { value } => Some(value.cast_unsigned()),
                            _ => None,
                        });
                    }
                }
                Payload::ExportSection(exports) => {
                    for export in exports {
                        let export = export?;
                        if export.kind == ExternalKind::Global && export.name == HEAP_BASE {
                            heap_base = Some(export.index);
                        }
                    }
                }
                Payload::CodeSectionEntry(body) if !grows => {
                    let mut operators = body.get_operators_reader()?;
                    while !operators.eof() && !grows {
                        grows = matches!(operators.read()?, Operator::MemoryGrow { .. });
                    }
                }
                _ => {}
            }
        }
        let Some(heap_base) = heap_base.filter(|_| grows && memories == 1) else { return Ok(None) };
        let Some(heap_base) = global_values.get(heap_base as usize).copied().flatten() else {
            bail!("the module's `{HEAP_BASE}` is no constant");
        };
        layout.globals = u32::try_from(global_values.len()).context("too many globals")?;
        layout.pages_in_use = heap_base.div_ceil(PAGE_BYTES);
        Ok(Some(layout))
    }
}

struct Change {
    layout: Layout,
}

impl Change {
    /// The function that takes the place of `memory.grow`; the new global holds how many pages are in use.
    fn grow(&self) -> Function {
        let (delta, after, in_use) = (0, 1, self.layout.globals);
        let mut function = Function::new([(1, ValType::I32)]);
        let mut body = function.instructions();
        body.global_get(in_use).local_get(delta).i32_add().local_tee(after);
        // A sum that went past 32 bits is smaller than its parts.
        body.local_get(delta).i32_lt_u().if_(BlockType::Empty).i32_const(NO_MORE).return_().end();
        body.local_get(after).memory_size(0).i32_gt_u().if_(BlockType::Empty);
        body.local_get(after).memory_size(0).i32_sub().memory_grow(0).i32_const(NO_MORE).i32_eq();
        body.if_(BlockType::Empty).i32_const(NO_MORE).return_().end().end();
        body.global_get(in_use).local_get(after).global_set(in_use).end();
        function
    }
}

type Rewritten = Result<(), Error<Infallible>>;

impl Reencode for Change {
    type Error = Infallible;

    fn parse_type_section(&mut self, types: &mut TypeSection, section: wasmparser::TypeSectionReader<'_>) -> Rewritten {
        utils::parse_type_section(self, types, section)?;
        types.ty().function([ValType::I32], [ValType::I32]);
        Ok(())
    }

    fn parse_function_section(&mut self, functions: &mut FunctionSection, section: wasmparser::FunctionSectionReader<'_>) -> Rewritten {
        utils::parse_function_section(self, functions, section)?;
        functions.function(self.layout.types);
        Ok(())
    }

    fn parse_global_section(&mut self, globals: &mut GlobalSection, section: wasmparser::GlobalSectionReader<'_>) -> Rewritten {
        utils::parse_global_section(self, globals, section)?;
        let pages = ConstExpr::i32_const(self.layout.pages_in_use.cast_signed());
        globals.global(GlobalType { val_type: ValType::I32, mutable: true, shared: false }, &pages);
        Ok(())
    }

    fn parse_code_section(&mut self, code: &mut CodeSection, section: wasmparser::CodeSectionReader<'_>) -> Rewritten {
        utils::parse_code_section(self, code, section)?;
        code.function(&self.grow());
        Ok(())
    }

    fn instruction<'a>(&mut self, operator: Operator<'a>) -> Result<Instruction<'a>, Error<Infallible>> {
        match operator {
            Operator::MemoryGrow { .. } => Ok(Instruction::Call(self.layout.functions)),
            Operator::MemorySize { .. } => Ok(Instruction::GlobalGet(self.layout.globals)),
            other => utils::instruction(self, other),
        }
    }
}

#[cfg(test)]
mod tests;
