//! Which functions describe objects of the runtime: those that it trusts, and no others.

use std::cell::OnceCell;

use deno_core::{OpState, op2, v8};

/// The functions that describe objects of the runtime, and all others that stand where they do in a
/// script. Functions that a tenant can get hold of stand elsewhere, bound ones and V8's own nowhere.
#[derive(Default)]
pub(crate) struct Describers {
    functions: Vec<v8::Global<v8::Function>>,
    /// Looked up for the first object: V8 reads a whole script to tell a line, and few isolates
    /// ever need it.
    positions: OnceCell<Vec<Position>>,
}

impl Describers {
    pub(super) fn are_joined_by(
        &self,
        scope: &v8::PinScope<'_, '_>,
        function: v8::Local<'_, v8::Function>,
    ) -> bool {
        let position = Position::of(function);
        let positions = self.positions.get_or_init(|| {
            let of = |function| Position::of(v8::Local::new(scope, function));
            self.functions.iter().map(of).collect()
        });
        position.line.is_some() && positions.contains(&position)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Position {
    script: i32,
    line: Option<u32>,
    column: Option<u32>,
}

impl Position {
    fn of(function: v8::Local<'_, v8::Function>) -> Self {
        Self {
            script: function.script_id(),
            line: function.get_script_line_number(),
            column: function.get_script_column_number(),
        }
    }
}

/// Takes a function for one that describes an object of the runtime. Called before any tenant's
/// code runs.
#[op2(fast)]
pub(crate) fn op_clone_trust(
    state: &mut OpState,
    scope: &mut v8::PinScope<'_, '_>,
    function: v8::Local<'_, v8::Function>,
) {
    let function = v8::Global::new(scope, function);
    state.borrow_mut::<Describers>().functions.push(function);
}
