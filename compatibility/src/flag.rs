//! The flags that there are. Their names, days and effects are in `table.rs`.

use crate::table::{Row, TABLE};

/// A behaviour that a worker has or has not, by its compatibility date or by a flag that it names.
/// Names, days and the whole of each effect are in [`TABLE`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
#[repr(u8)]
pub enum Flag {
    /// Code from strings is allowed while the worker starts.
    AllowEvalDuringStartup,
    /// `request.cf.botManagement` is there where nothing is known.
    BotManagementDefault,
    /// `ctx.exports` is there.
    CtxExports,
    /// `env` cannot be imported.
    DisallowImportableEnv,
    /// Errors keep more of themselves where they are cloned.
    EnhancedErrorSerialization,
    /// `node:async_hooks` is there, though the rest of Node.js may not be.
    NodejsAls,
    /// What is of Node.js is there.
    NodejsCompat,
    /// `setTimeout` and `setInterval` are Node's; only with [`Flag::NodejsCompat`].
    NodejsGlobalTimers,
    /// A batch of a queue does not wait for `waitUntil`.
    QueueConsumerNoWaitForWaitUntil,
    /// What sending to a queue throws names the cause and its code.
    QueueExposeErrorCodes,
    /// Messages to queues are JSON where they do not say what they are.
    QueuesJsonMessages,
    /// Subrequests end when the client of the request that they are made of goes away.
    RequestSignalPassthrough,
    /// Methods of another worker can be called.
    Rpc,
    /// A stub that is a parameter of such a call stays the caller's, too.
    RpcParamsDupStubs,
    /// `SharedArrayBuffer` is there.
    UnsafeSharedMemory,
    /// Any method of a request is known in lower case, too.
    UpperCaseMethods,
}

impl Flag {
    /// All of them, in the order of [`TABLE`].
    pub const ALL: [Self; 16] = [
        Self::AllowEvalDuringStartup,
        Self::BotManagementDefault,
        Self::CtxExports,
        Self::DisallowImportableEnv,
        Self::EnhancedErrorSerialization,
        Self::NodejsAls,
        Self::NodejsCompat,
        Self::NodejsGlobalTimers,
        Self::QueueConsumerNoWaitForWaitUntil,
        Self::QueueExposeErrorCodes,
        Self::QueuesJsonMessages,
        Self::RequestSignalPassthrough,
        Self::Rpc,
        Self::RpcParamsDupStubs,
        Self::UnsafeSharedMemory,
        Self::UpperCaseMethods,
    ];

    /// What the table says of it.
    pub fn row(self) -> &'static Row {
        &TABLE[self as usize]
    }

    /// The name by which a configuration asks for it, such as `nodejs_compat`.
    pub fn name(self) -> &'static str {
        self.row().enables
    }

    /// Its place in a set.
    pub(crate) const fn bit(self) -> u64 {
        1 << (self as u32)
    }
}
