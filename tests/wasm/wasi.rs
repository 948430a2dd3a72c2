//! As much of WASI preview 1 as a test program needs: no arguments, no environment, no files, two outputs.

use wasmtime::{Caller, Engine, Extern, Linker, Memory, Module, Result, Store};

/// What a program did.
pub(crate) struct Outcome {
    /// What it wrote, to standard output and error as it came.
    pub(crate) text: String,
    /// Its exit status; `None` if it did not come to an end by itself.
    pub(crate) status: Option<i32>,
}

#[derive(Default)]
struct State {
    output: Vec<u8>,
    status: Option<i32>,
}

const SUCCESS: i32 = 0;
const BAD_DESCRIPTOR: i32 = 8;

/// Runs a program to its end.
pub(crate) fn run(engine: &Engine, module: &Module) -> Outcome {
    let mut linker = Linker::new(engine);
    define(&mut linker).expect("each function is defined once");
    linker.define_unknown_imports_as_traps(module).expect("nothing else is defined");
    let mut store = Store::new(engine, State::default());
    let result = linker
        .instantiate(&mut store, module)
        .and_then(|instance| instance.get_typed_func::<(), ()>(&mut store, "_start")?.call(&mut store, ()));
    let State { output, status } = store.into_data();
    let mut text = String::from_utf8_lossy(&output).into_owned();
    let status = match (result, status) {
        (Ok(()), None) => Some(0),
        (Err(_), Some(status)) => Some(status),
        (result, _) => {
            text.push_str(&format!("{result:?}"));
            None
        }
    };
    Outcome { text, status }
}

fn define(linker: &mut Linker<State>) -> Result<()> {
    const WASI: &str = "wasi_snapshot_preview1";
    for list in ["args", "environ"] {
        linker.func_wrap(WASI, &format!("{list}_get"), |_: i32, _: i32| SUCCESS)?;
        linker.func_wrap(
            WASI,
            &format!("{list}_sizes_get"),
            |mut caller: Caller<'_, State>, count: i32, size: i32| {
                write(&mut caller, count, &0_u32.to_le_bytes());
                write(&mut caller, size, &0_u32.to_le_bytes());
                SUCCESS
            },
        )?;
    }
    // No directory is open, so no file is found; nothing is known of the outputs, so they are no terminals.
    for function in ["fd_prestat_get", "fd_fdstat_get"] {
        linker.func_wrap(WASI, function, |_: i32, _: i32| BAD_DESCRIPTOR)?;
    }
    linker.func_wrap(WASI, "fd_write", fd_write)?;
    linker.func_wrap(WASI, "clock_time_get", |mut caller: Caller<'_, State>, _: i32, _: i64, place: i32| {
        write(&mut caller, place, &0_u64.to_le_bytes());
        SUCCESS
    })?;
    linker.func_wrap(WASI, "random_get", |mut caller: Caller<'_, State>, place: i32, length: i32| {
        write(&mut caller, place, &vec![7; length.cast_unsigned() as usize]);
        SUCCESS
    })?;
    linker.func_wrap(WASI, "sched_yield", || SUCCESS)?;
    linker.func_wrap(WASI, "proc_exit", |mut caller: Caller<'_, State>, status: i32| -> Result<()> {
        caller.data_mut().status = Some(status);
        // There is no other way to stop the program.
        wasmtime::bail!("exit with status {status}")
    })?;
    Ok(())
}

/// Writes each of `count` pieces; each is named by its place and length.
fn fd_write(mut caller: Caller<'_, State>, descriptor: i32, pieces: i32, count: i32, written: i32) -> i32 {
    if !(1..=2).contains(&descriptor) {
        return BAD_DESCRIPTOR;
    }
    let mut total = 0;
    for piece in 0..count {
        let [place, length] = [0, 4].map(|field| {
            let mut number = [0; 4];
            memory(&mut caller).read(&caller, (pieces + 8 * piece + field) as usize, &mut number).expect("in memory");
            u32::from_le_bytes(number)
        });
        let mut bytes = vec![0; length as usize];
        memory(&mut caller).read(&caller, place as usize, &mut bytes).expect("in memory");
        caller.data_mut().output.extend_from_slice(&bytes);
        total += length;
    }
    write(&mut caller, written, &total.to_le_bytes());
    SUCCESS
}

fn write(caller: &mut Caller<'_, State>, place: i32, bytes: &[u8]) {
    memory(caller).write(caller, place.cast_unsigned() as usize, bytes).expect("programs name places in memory");
}

fn memory(caller: &mut Caller<'_, State>) -> Memory {
    caller.get_export("memory").and_then(Extern::into_memory).expect("programs export their memory")
}
