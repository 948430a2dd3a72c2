//! An instance of the module, driven the way its documentation tells a host to.

use std::sync::LazyLock;

use wasmtime::{Engine, Instance, Memory, Module, Store, StoreLimits, StoreLimitsBuilder, Val};

/// Compiled once for all tests.
pub(crate) static MODULE: LazyLock<(Engine, Module)> = LazyLock::new(|| {
    let engine = Engine::default();
    let module = Module::new(&engine, crate::build::module("abi,zstd,xz,gzip")).expect("the module is valid");
    (engine, module)
});

/// What a guest's function returned: its number and its output, or the number and the message of an error.
pub(crate) type Answer = Result<(u64, Vec<u8>), (u8, String)>;

pub(crate) struct Guest {
    store: Store<StoreLimits>,
    instance: Instance,
    memory: Memory,
}

impl Guest {
    /// An instance without a memory limit of its own.
    pub(crate) fn new() -> Self {
        Self::with_memory(u32::MAX as usize)
    }

    /// An instance whose memory may grow up to so many bytes.
    pub(crate) fn with_memory(bytes: usize) -> Self {
        let (engine, module) = &*MODULE;
        let mut store = Store::new(engine, StoreLimitsBuilder::new().memory_size(bytes).build());
        store.limiter(|limits| limits);
        let instance = Instance::new(&mut store, module, &[]).expect("the module needs nothing");
        let memory = instance.get_memory(&mut store, "memory").expect("the module has a memory");
        Self { store, instance, memory }
    }

    /// Calls a function with input in the guest's memory.
    pub(crate) fn call(&mut self, name: &str, arguments: &[Val], input: &[u8]) -> Answer {
        if !input.is_empty() {
            let place = self.room(input.len());
            assert_ne!(place, 0, "no memory for {} bytes", input.len());
            self.memory.write(&mut self.store, place as usize, input).expect("the place is in memory");
        }
        let number = self.raw(name, arguments).unwrap_i64();
        let output = self.output();
        u64::try_from(number).map(|number| (number, output.clone())).map_err(|_| {
            let code = u8::try_from(-number).expect("codes are small");
            (code, String::from_utf8(output).expect("messages are UTF-8"))
        })
    }

    /// Asks for a place for input; 0 if there is none.
    pub(crate) fn room(&mut self, length: usize) -> u32 {
        let length = i32::try_from(length).expect("test inputs are below 2 GiB");
        self.raw("casync_input", &[Val::I32(length)]).unwrap_i32().cast_unsigned()
    }

    /// Calls a function that makes a machine.
    pub(crate) fn open(&mut self, name: &str, arguments: &[Val], input: &[u8]) -> Val {
        let (handle, _) = self.call(name, arguments, input).expect("machines can be made");
        handle_of(handle)
    }

    /// Bytes of memory in use, the most that ever were: memory does not shrink.
    pub(crate) fn memory_size(&self) -> usize {
        self.memory.data_size(&self.store)
    }

    fn output(&mut self) -> Vec<u8> {
        let place = self.raw("casync_output", &[]).unwrap_i32().cast_unsigned();
        let length = self.raw("casync_output_length", &[]).unwrap_i32().cast_unsigned();
        let mut output = vec![0; length as usize];
        self.memory.read(&self.store, place as usize, &mut output).expect("the output is in memory");
        output
    }

    fn raw(&mut self, name: &str, arguments: &[Val]) -> Val {
        let function = self.instance.get_func(&mut self.store, name).unwrap_or_else(|| panic!("no function {name}"));
        let mut results = [Val::I32(0)];
        function.call(&mut self.store, arguments, &mut results).unwrap_or_else(|trap| panic!("{name}: {trap:?}"));
        results[0]
    }
}

/// A handle as an argument.
pub(crate) fn handle_of(number: u64) -> Val {
    Val::I32(i32::try_from(number).expect("handles are small"))
}

/// An amount as an argument.
pub(crate) fn amount(value: u64) -> Val {
    Val::I64(value.cast_signed())
}

/// The numbers at the head of an output.
pub(crate) fn numbers<const N: usize>(output: &[u8]) -> [u64; N] {
    std::array::from_fn(|i| u64::from_le_bytes(output[8 * i..8 * i + 8].try_into().expect("eight bytes")))
}

/// The answer that the module has to give for an error of the core.
pub(crate) fn refusal(error: &casync_core::Error) -> (u8, String) {
    use casync_core::Error;
    let code = match error {
        Error::Format { .. } => 1,
        Error::Truncated { .. } => 2,
        Error::Mismatch { .. } => 3,
        Error::Limit { .. } => 4,
        Error::Unsupported(_) => 5,
        _ => 7,
    };
    (code, error.to_string())
}
