//! Orchestrators that no compiler writes: core modules put together instruction by instruction, each made into a component.
//!
//! A good one returns the address of a turn that stands ready in its memory; the bad ones differ from it in one thing.

use std::path::Path;

use anyhow::Context;
use e2e::{AppFolder, Apps};
use wasm_encoder::{
    CodeSection, ConstExpr, DataSection, ElementSection, Elements, ExportKind, ExportSection, Function, FunctionSection, Instruction,
    MemorySection, MemoryType, Module, RefType, StartSection, TableSection, TableType, TypeSection, ValType,
};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// Where the turn stands that `start` returns, and the text of its output.
const TURN: i32 = 1_024;
const OUTPUT: u32 = 2_048;
const OUTPUT_TEXT: &[u8] = b"\"well\"";

/// A module that is wrong in one way.
pub(super) struct BadModule {
    /// The orchestration's name; its component's file is called like it.
    pub(super) name: &'static str,
    /// What `start` does after nothing and before its end, which must leave the address of a turn.
    start: Vec<Instruction<'static>>,
    /// What runs when the module is instantiated.
    at_once: Option<Vec<Instruction<'static>>>,
    /// What `cabi_realloc` returns.
    realloc: i32,
    /// Where the output is said to stand, and its length.
    output: (u32, u32),
    text: &'static [u8],
}

impl BadModule {
    fn good(name: &'static str) -> Self {
        Self {
            name,
            start: vec![Instruction::I32Const(TURN)],
            at_once: None,
            realloc: 4_096,
            output: (OUTPUT, OUTPUT_TEXT.len() as u32),
            text: OUTPUT_TEXT,
        }
    }
}

fn forever(body: Instruction<'static>) -> Vec<Instruction<'static>> {
    let block = wasm_encoder::BlockType::Empty;
    vec![Instruction::Loop(block), body, Instruction::Br(0), Instruction::End, Instruction::I32Const(TURN)]
}

/// All of them, and one that is right, which shows that the others are wrong in what they are meant to be.
pub(super) fn all() -> Vec<BadModule> {
    let good = BadModule::good;
    let growing = |grow: Vec<Instruction<'static>>| {
        let block = wasm_encoder::BlockType::Empty;
        let begin = [Instruction::Loop(block)];
        let end = [Instruction::Drop, Instruction::Br(0), Instruction::End, Instruction::I32Const(TURN)];
        begin.into_iter().chain(grow).chain(end).collect()
    };
    vec![
        good("ModuleGood"),
        BadModule { start: vec![Instruction::Unreachable], ..good("ModuleUnreachable") },
        BadModule { start: vec![Instruction::I32Const(1), Instruction::I32Const(0), Instruction::I32DivU], ..good("ModuleDividesByZero") },
        BadModule {
            start: vec![Instruction::I32Const(-4), Instruction::I32Load(wasm_encoder::MemArg { offset: 0, align: 2, memory_index: 0 })],
            ..good("ModuleReadsBeyondItsMemory")
        },
        BadModule {
            start: vec![Instruction::I32Const(0), Instruction::I32Const(7), Instruction::CallIndirect { type_index: 1, table_index: 0 }],
            ..good("ModuleCallsNothing")
        },
        // The function with index 1 is `start` itself.
        BadModule { start: vec![Instruction::I32Const(0), Instruction::Call(1)], ..good("ModuleCallsItselfForEver") },
        BadModule { start: forever(Instruction::Nop), ..good("ModuleLoops") },
        BadModule { at_once: Some(forever_without_value()), ..good("ModuleLoopsAtOnce") },
        BadModule {
            start: growing(vec![
                Instruction::RefNull(wasm_encoder::HeapType::FUNC),
                Instruction::I32Const(1_000),
                Instruction::TableGrow(0),
            ]),
            ..good("ModuleGrowsItsTable")
        },
        BadModule { start: growing(vec![Instruction::I32Const(1), Instruction::MemoryGrow(0)]), ..good("ModuleGrowsItsMemory") },
        BadModule { start: vec![Instruction::I32Const(-8)], ..good("ModuleReturnsNoTurn") },
        BadModule { start: vec![Instruction::I32Const(TURN + 1)], ..good("ModuleReturnsAnOddAddress") },
        BadModule { text: b"\"\xff\xfe\xfd\"", ..good("ModuleOutputIsNoText") },
        BadModule { output: (OUTPUT, u32::MAX), ..good("ModuleOutputIsBeyondItsMemory") },
        BadModule { realloc: -1, ..good("ModuleAllocatesNowhere") },
    ]
}

fn forever_without_value() -> Vec<Instruction<'static>> {
    vec![Instruction::Loop(wasm_encoder::BlockType::Empty), Instruction::Br(0), Instruction::End]
}

/// The test guests, and these.
pub(super) fn app() -> AppFolder {
    let modules = all();
    let functions: String = modules
        .iter()
        .map(|module| {
            format!("\n[[function]]\nname = \"{0}\"\nkind = \"orchestrator\"\ncomponent = \"components/{0}.wasm\"\n", module.name)
        })
        .collect();
    let app = Apps::test_guests().with_manifest(|manifest| manifest + &functions);
    for module in modules {
        let component = component(&module).unwrap_or_else(|error| panic!("{}: {error:#}", module.name));
        std::fs::write(app.path().join("components").join(format!("{}.wasm", module.name)), component).expect("a file for a component");
    }
    app
}

fn component(module: &BadModule) -> anyhow::Result<Vec<u8>> {
    let mut resolve = Resolve::default();
    let wit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit");
    let (package, _) = resolve.push_dir(&wit).context("the WIT cannot be read")?;
    let world = resolve.select_world(&[package], Some("orchestrator-function"))?;
    let mut bytes = core_module(module);
    embed_component_metadata(&mut bytes, &resolve, world, StringEncoding::UTF8)?;
    ComponentEncoder::default().validate(true).module(&bytes)?.encode()
}

/// Functions: 0 `cabi_realloc`, 1 `start`, 2 `resume`, and 3 for the start section if there is one.
fn core_module(module: &BadModule) -> Vec<u8> {
    let mut types = TypeSection::new();
    types.ty().function([ValType::I32; 4], [ValType::I32]);
    types.ty().function([ValType::I32], [ValType::I32]);
    types.ty().function([ValType::I64, ValType::I32, ValType::I32, ValType::I32], [ValType::I32]);
    types.ty().function([], []);
    let mut functions = FunctionSection::new();
    (0..3).for_each(|kind| _ = functions.function(kind));
    let mut code = CodeSection::new();
    code.function(&body(&[Instruction::I32Const(module.realloc)]));
    code.function(&body(&module.start));
    code.function(&body(&[Instruction::I32Const(TURN)]));
    if let Some(at_once) = &module.at_once {
        functions.function(3);
        code.function(&body(at_once));
    }
    let mut tables = TableSection::new();
    tables.table(TableType { element_type: RefType::FUNCREF, minimum: 10, maximum: None, table64: false, shared: false });
    let mut memories = MemorySection::new();
    memories.memory(MemoryType { minimum: 1, maximum: None, memory64: false, shared: false, page_size_log2: None });
    let mut exports = ExportSection::new();
    exports.export("memory", ExportKind::Memory, 0);
    exports.export("cabi_realloc", ExportKind::Func, 0);
    exports.export("longhaul:durable/orchestrator@0.1.0#start", ExportKind::Func, 1);
    exports.export("longhaul:durable/orchestrator@0.1.0#resume", ExportKind::Func, 2);
    let mut elements = ElementSection::new();
    elements.active(None, &ConstExpr::i32_const(0), Elements::Functions([0].as_slice().into()));
    let mut data = DataSection::new();
    data.active(0, &ConstExpr::i32_const(TURN), turn(module.output));
    data.active(0, &ConstExpr::i32_const(OUTPUT as i32), module.text.iter().copied());

    let mut whole = Module::new();
    whole.section(&types).section(&functions).section(&tables).section(&memories).section(&exports);
    if module.at_once.is_some() {
        whole.section(&StartSection { function_index: 3 });
    }
    whole.section(&elements).section(&code).section(&data);
    whole.finish()
}

fn body(instructions: &[Instruction<'static>]) -> Function {
    let mut function = Function::new([]);
    instructions.iter().for_each(|instruction| _ = function.instruction(instruction));
    function.instruction(&Instruction::End);
    function
}

/// A turn without commands and custom status that completes with the output.
fn turn((address, length): (u32, u32)) -> Vec<u8> {
    const SOME: u32 = 1;
    const COMPLETED: u32 = 0;
    let words = [0, 0, 0, 0, 0, SOME, COMPLETED, address, length];
    words.into_iter().flat_map(u32::to_le_bytes).collect()
}
