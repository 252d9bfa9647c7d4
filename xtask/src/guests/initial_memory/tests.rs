use wasm_encoder::{ExportKind, ExportSection, MemorySection, MemoryType};
use wasmtime::{Engine, Instance, Module as Compiled, Store, TypedFunc};

use super::*;

/// Initial and most memory of the test module, pages.
const PAGES: (u64, u64) = (4, 6);

/// A module with the data's end in its second page, which exports `memory.grow` and `memory.size`.
fn module(name_of_the_heap: &str) -> Vec<u8> {
    let mut types = TypeSection::new();
    types.ty().function([ValType::I32], [ValType::I32]);
    types.ty().function([], [ValType::I32]);
    let mut functions = FunctionSection::new();
    functions.function(0).function(1);
    let mut memories = MemorySection::new();
    memories.memory(MemoryType { minimum: PAGES.0, maximum: Some(PAGES.1), memory64: false, shared: false, page_size_log2: None });
    let mut globals = GlobalSection::new();
    let heap_base = ConstExpr::i32_const(70_000);
    globals.global(GlobalType { val_type: ValType::I32, mutable: false, shared: false }, &heap_base);
    let mut exports = ExportSection::new();
    exports.export("memory", ExportKind::Memory, 0);
    exports.export(name_of_the_heap, ExportKind::Global, 0);
    exports.export("grow", ExportKind::Func, 0).export("size", ExportKind::Func, 1);
    let (mut grow, mut size) = (Function::new([]), Function::new([]));
    grow.instructions().local_get(0).memory_grow(0).end();
    size.instructions().memory_size(0).end();
    let mut code = CodeSection::new();
    code.function(&grow).function(&size);
    let mut module = Module::new();
    module.section(&types).section(&functions).section(&memories).section(&globals).section(&exports).section(&code);
    module.finish()
}

struct Guest {
    store: Store<()>,
    instance: Instance,
}

impl Guest {
    fn new(module: &[u8]) -> Self {
        let engine = Engine::default();
        let mut store = Store::new(&engine, ());
        let compiled = Compiled::new(&engine, module).expect("a valid module");
        let instance = Instance::new(&mut store, &compiled, &[]).expect("an instance");
        Self { store, instance }
    }

    fn grow(&mut self, pages: i32) -> i32 {
        let grow: TypedFunc<i32, i32> = self.instance.get_typed_func(&mut self.store, "grow").expect("the export");
        grow.call(&mut self.store, pages).expect("no trap")
    }

    fn size(&mut self) -> i32 {
        let size: TypedFunc<(), i32> = self.instance.get_typed_func(&mut self.store, "size").expect("the export");
        size.call(&mut self.store, ()).expect("no trap")
    }

    fn real_pages(&mut self) -> u64 {
        self.instance.get_memory(&mut self.store, "memory").expect("the export").size(&self.store)
    }
}

#[test]
fn the_initial_memory_is_handed_out_before_memory_grows() {
    let mut guest = Guest::new(&use_first(&module(HEAP_BASE)).expect("a module"));
    assert_eq!((guest.size(), guest.grow(1), guest.grow(1)), (2, 2, 3));
    assert_eq!(guest.real_pages(), PAGES.0, "nothing was grown");
    assert_eq!((guest.grow(1), guest.size(), guest.real_pages()), (4, 5, 5));
}

#[test]
fn what_the_initial_memory_has_too_little_of_is_grown() {
    let mut guest = Guest::new(&use_first(&module(HEAP_BASE)).expect("a module"));
    assert_eq!((guest.grow(3), guest.size(), guest.real_pages()), (2, 5, 5));
}

#[test]
fn what_cannot_be_had_is_refused_and_changes_nothing() {
    let mut guest = Guest::new(&use_first(&module(HEAP_BASE)).expect("a module"));
    assert_eq!((guest.grow(5), guest.grow(-1), guest.grow(i32::MIN)), (-1, -1, -1));
    assert_eq!((guest.size(), guest.real_pages()), (2, PAGES.0));
    assert_eq!((guest.grow(4), guest.real_pages()), (2, PAGES.1));
}

#[test]
fn a_module_that_does_not_say_where_its_heap_begins_is_left_alone() {
    let module = module("somewhere");
    assert_eq!(use_first(&module).expect("a module"), module);
}
