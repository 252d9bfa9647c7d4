use wasm_encoder::{
    Alias, CodeSection, Component, ComponentAliasSection, ComponentExportKind, ComponentTypeSection, ConstExpr, DataSection, EntityType,
    ExportKind, ExportSection, Function, FunctionSection, GlobalSection, GlobalType, ImportSection, InstanceSection, Instruction,
    MemorySection, MemoryType, Module, ModuleArg, ModuleSection, NestedComponentSection, PrimitiveValType, RefType, TableSection,
    TableType, TypeSection, ValType,
};

use super::*;

/// A component around core modules.
fn around(modules: &[Module]) -> Vec<u8> {
    let mut component = Component::new();
    modules.iter().for_each(|module| {
        component.section(&ModuleSection(module));
    });
    component.finish()
}

/// A module with one section.
fn module(section: &impl wasm_encoder::Section) -> Vec<u8> {
    let mut module = Module::new();
    module.section(section);
    around(&[module])
}

fn nested(depth: usize) -> Vec<u8> {
    let inner = (1..depth).fold(Component::new(), |inner, _| {
        let mut outer = Component::new();
        outer.section(&NestedComponentSection(&inner));
        outer
    });
    inner.finish()
}

fn with_function_of(bytes: usize) -> Vec<u8> {
    let mut function = Function::new([]);
    // The count of locals and the end take two bytes of the code.
    (0..bytes - 2).for_each(|_| {
        function.instruction(&Instruction::Nop);
    });
    function.instruction(&Instruction::End);
    around(&[functions(1, &function)])
}

/// A module with so many functions, all of them the same.
fn functions(count: usize, function: &Function) -> Module {
    let (mut declared, mut code) = (FunctionSection::new(), CodeSection::new());
    (0..count).for_each(|_| {
        declared.function(0);
        code.function(function);
    });
    let mut module = Module::new();
    module.section(&declared).section(&code);
    module
}

/// At the limit it is taken, beyond it is refused by its name.
fn expect_limit(most: usize, name: &str, make: impl Fn(usize) -> Vec<u8>) {
    assert_eq!(check(&make(most)), Ok(()), "{name}");
    let error = check(&make(most + 1)).unwrap_err();
    assert!(error.contains(&format!("{most} {name}")), "{error}");
}

#[test]
fn components_within_one_another_are_bounded() {
    expect_limit(10, "components within one another", nested);
}

/// A component with one type, in which so many stand within one another.
fn nested_types(depth: usize) -> Vec<u8> {
    // Written by hand, since every encoder and parser recurses as deep as they are nested.
    let mut types = Vec::new();
    for level in 1..depth {
        types.extend(if level % 2 == 0 { [0x41, 1, 0x01] } else { [0x42, 1, 0x01] });
    }
    types.extend([0x42, 0]);
    let mut component = Component::new();
    component.section(&wasm_encoder::RawSection { id: 7, data: &[&[1], types.as_slice()].concat() });
    component.finish()
}

#[test]
fn types_within_one_another_are_bounded_however_deep_they_are() {
    expect_limit(20, "types within one another", nested_types);
    let engine = crate::engine::for_compiling(crate::engine::EngineKind::Io, 1 << 20).unwrap();
    assert!(super::super::compiled(&engine, &nested_types(20)).is_ok(), "what is taken is a component");
    assert!(check(&nested_types(2_000_000)).unwrap_err().contains("20 types within one another"));
}

#[test]
fn types_within_others_are_counted() {
    expect_limit(20_000, "types", |count| {
        let mut types = ComponentTypeSection::new();
        let mut instance = wasm_encoder::InstanceType::new();
        (1..count).for_each(|_| instance.ty().defined_type().primitive(PrimitiveValType::Bool));
        types.instance(&instance);
        let mut component = Component::new();
        component.section(&types);
        component.finish()
    });
}

#[test]
fn the_code_of_one_function_is_bounded() {
    assert_eq!(check(&with_function_of(MAX_FUNCTION_BYTES)), Ok(()));
    let error = check(&with_function_of(MAX_FUNCTION_BYTES + 1)).unwrap_err();
    assert!(error.contains("1048577 bytes of code; the most is 1048576"), "{error}");
}

#[test]
fn what_a_component_contains_is_counted() {
    expect_limit(100, "components", |count| {
        let mut outer = Component::new();
        (0..count).for_each(|_| {
            outer.section(&NestedComponentSection(&Component::new()));
        });
        outer.finish()
    });
    expect_limit(100, "core modules", |count| around(&vec![Module::new(); count]));
    expect_limit(1_000, "instances", |count| {
        let mut instances = InstanceSection::new();
        (0..count).for_each(|_| {
            instances.instantiate(0, std::iter::empty::<(&str, ModuleArg)>());
        });
        let mut component = Component::new();
        component.section(&instances);
        component.finish()
    });
    expect_limit(20_000, "types", |count| {
        let mut types = ComponentTypeSection::new();
        (0..count).for_each(|_| types.defined_type().primitive(PrimitiveValType::Bool));
        let mut component = Component::new();
        component.section(&types);
        component.finish()
    });
    expect_limit(100_000, "aliases", |count| {
        let mut aliases = ComponentAliasSection::new();
        (0..count).for_each(|_| {
            aliases.alias(Alias::InstanceExport { instance: 0, kind: ComponentExportKind::Func, name: "f" });
        });
        let mut component = Component::new();
        component.section(&aliases);
        component.finish()
    });
}

#[test]
fn what_core_modules_contain_is_counted_in_all_of_them() {
    expect_limit(100_000, "functions", |count| {
        let mut empty = Function::new([]);
        empty.instruction(&Instruction::End);
        around(&[functions(count / 2, &empty), functions(count - count / 2, &empty)])
    });
    expect_limit(20_000, "types", |count| {
        let mut types = TypeSection::new();
        (0..count).for_each(|_| types.ty().function([], []));
        module(&types)
    });
    expect_limit(20_000, "imports", |count| {
        let mut imports = ImportSection::new();
        (0..count).for_each(|_| {
            imports.import("m", "f", EntityType::Function(0));
        });
        module(&imports)
    });
    expect_limit(100_000, "exports", |count| {
        let mut exports = ExportSection::new();
        (0..count).for_each(|index| {
            exports.export(&index.to_string(), ExportKind::Func, 0);
        });
        module(&exports)
    });
}

#[test]
fn what_takes_memory_of_the_host_is_counted() {
    expect_limit(16, "memories", |count| {
        let mut memories = MemorySection::new();
        (0..count).for_each(|_| {
            memories.memory(MemoryType { minimum: 0, maximum: None, memory64: false, shared: false, page_size_log2: None });
        });
        module(&memories)
    });
    expect_limit(100, "tables", |count| {
        let mut tables = TableSection::new();
        let table = TableType { element_type: RefType::FUNCREF, table64: false, minimum: 0, maximum: None, shared: false };
        (0..count).for_each(|_| {
            tables.table(table);
        });
        module(&tables)
    });
    expect_limit(100_000, "globals", |count| {
        let mut globals = GlobalSection::new();
        let global = GlobalType { val_type: ValType::I32, mutable: false, shared: false };
        (0..count).for_each(|_| {
            globals.global(global, &ConstExpr::i32_const(0));
        });
        module(&globals)
    });
    expect_limit(100_000, "data and element segments", |count| {
        let mut data = DataSection::new();
        (0..count).for_each(|_| {
            data.passive([]);
        });
        module(&data)
    });
}
