//! Which system calls the process may make: all but those that it never makes, and that lead out of
//! it, to other processes, or into rarely used corners of the kernel. A list of what is refused, and
//! not of what is allowed: V8, the C library and the allocator choose their calls by kernel and
//! version, and a call that is missing from an allowed list ends a node in production.

use std::collections::BTreeMap;

use nix::libc;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, sock_filter,
};

use super::text;

/// Refused whatever their arguments are.
const REFUSED: &[libc::c_long] = &[
    // Programs.
    libc::SYS_execve,
    libc::SYS_execveat,
    // Other processes.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_kcmp,
    libc::SYS_pidfd_getfd,
    libc::SYS_pidfd_open,
    libc::SYS_move_pages,
    libc::SYS_migrate_pages,
    // File systems and namespaces.
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_setns,
    libc::SYS_unshare,
    libc::SYS_mknodat,
    libc::SYS_name_to_handle_at,
    libc::SYS_open_by_handle_at,
    libc::SYS_fanotify_init,
    libc::SYS_fanotify_mark,
    libc::SYS_quotactl,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    // The kernel's own machinery.
    libc::SYS_bpf,
    libc::SYS_userfaultfd,
    libc::SYS_perf_event_open,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_reboot,
    libc::SYS_syslog,
    libc::SYS_acct,
    libc::SYS_personality,
    libc::SYS_vhangup,
    libc::SYS_lookup_dcookie,
    libc::SYS_nfsservctl,
    // The machine's clock and names.
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
];

/// Refused on this processor alone, where others have none of that name.
#[cfg(target_arch = "x86_64")]
const REFUSED_HERE: &[libc::c_long] = &[
    libc::SYS_mknod,
    libc::SYS_iopl,
    libc::SYS_ioperm,
    libc::SYS_modify_ldt,
    libc::SYS_kexec_file_load,
    libc::SYS_uselib,
    libc::SYS_ustat,
    libc::SYS__sysctl,
];
#[cfg(not(target_arch = "x86_64"))]
const REFUSED_HERE: &[libc::c_long] = &[];

/// Kinds of sockets that the node never makes.
const REFUSED_SOCKETS: &[libc::c_int] = &[
    libc::AF_ALG,
    libc::AF_BLUETOOTH,
    libc::AF_CAN,
    libc::AF_KEY,
    libc::AF_PACKET,
    libc::AF_RDS,
    libc::AF_TIPC,
    libc::AF_VSOCK,
    libc::AF_XDP,
];

/// Flags with which `clone` makes a namespace.
const NAMESPACES: &[libc::c_int] = &[
    libc::CLONE_NEWNS,
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNET,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWCGROUP,
];

/// Refuses them for the calling thread and those that it starts.
pub(super) fn restrict() -> Result<String, String> {
    let rules = rules().map_err(text)?;
    let count = rules.len();
    let refused = SeccompAction::Errno(libc::EPERM as u32);
    let arch = std::env::consts::ARCH.try_into().map_err(text)?;
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, refused, arch).map_err(text)?;
    let program = BpfProgram::try_from(filter).map_err(text)?;
    seccompiler::apply_filter(&program).map_err(text)?;
    seccompiler::apply_filter(&unknown()).map_err(text)?;
    Ok(format!("{count} system calls are refused, such as those that start programs"))
}

/// The numbers of the calls of x32 begin here: those of the other filter by other numbers, on kernels
/// that have them.
const X32: u32 = 0x4000_0000;

/// The filter of calls that the process is told the kernel does not have. `clone3` is one, because a
/// filter does not see its flags, among which are those of namespaces: the C library then starts
/// threads with `clone`.
fn unknown() -> BpfProgram {
    // As seccomp(2) has it: the call's number is the first word that a filter sees.
    const LOAD_WORD: u32 = libc::BPF_LD | libc::BPF_W | libc::BPF_ABS;
    const JUMP_IF_EQUAL: u32 = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
    const JUMP_IF_NOT_LESS: u32 = libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K;
    const ANSWER: u32 = libc::BPF_RET | libc::BPF_K;
    let step = |code: u32, jt, jf, k| sock_filter { code: code as u16, jt, jf, k };
    vec![
        step(LOAD_WORD, 0, 0, 0),
        step(JUMP_IF_NOT_LESS, 2, 0, X32),
        step(JUMP_IF_EQUAL, 1, 0, libc::SYS_clone3 as u32),
        step(ANSWER, 0, 0, libc::SECCOMP_RET_ALLOW),
        step(ANSWER, 0, 0, libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32),
    ]
}

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

fn rules() -> Result<Rules, seccompiler::BackendError> {
    let whole = REFUSED.iter().chain(REFUSED_HERE).map(|call| (*call, Vec::new()));
    let mut rules: Rules = whole.collect();
    let of_first = |wanted: SeccompCmpOp, value: libc::c_int| {
        let value = u64::from(value.unsigned_abs());
        let is = SeccompCondition::new(0, SeccompCmpArgLen::Dword, wanted, value)?;
        SeccompRule::new(vec![is])
    };
    let sockets = REFUSED_SOCKETS.iter().map(|domain| of_first(SeccompCmpOp::Eq, *domain));
    rules.insert(libc::SYS_socket, sockets.collect::<Result<_, _>>()?);
    let clones = NAMESPACES.iter().map(|flag| {
        let bit = u64::from(flag.unsigned_abs());
        of_first(SeccompCmpOp::MaskedEq(bit), *flag)
    });
    rules.insert(libc::SYS_clone, clones.collect::<Result<_, _>>()?);
    Ok(rules)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALLOWED: u32 = libc::SECCOMP_RET_ALLOW;
    const UNKNOWN: u32 = libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32;

    /// What a program of the few instructions above answers for a call of that number.
    fn answer(program: &[sock_filter], number: u32) -> u32 {
        let mut at = 0;
        loop {
            let sock_filter { code, jt, jf, k } = program[at].clone();
            let is_true = match u32::from(code) {
                // Both of its jumps lead to the next one.
                0x20 => true,
                0x15 => number == k,
                0x35 => number >= k,
                0x06 => return k,
                other => panic!("an instruction {other:#x}"),
            };
            at += 1 + usize::from(if is_true { jt } else { jf });
        }
    }

    #[test]
    fn calls_whose_arguments_are_not_seen_are_unknown() {
        let program = unknown();
        let call = |number: libc::c_long| u32::try_from(number).unwrap();
        assert_eq!(answer(&program, call(libc::SYS_clone3)), UNKNOWN);
        for number in [libc::SYS_clone, libc::SYS_read, libc::SYS_futex, libc::SYS_clone3 + 1] {
            assert_eq!(answer(&program, call(number)), ALLOWED, "{number}");
        }
        for number in [X32, X32 + call(libc::SYS_unshare), X32 + 520, u32::MAX] {
            assert_eq!(answer(&program, number), UNKNOWN, "{number:#x}");
        }
    }

    #[test]
    fn threads_start_under_the_filters_and_programs_do_not() {
        let confined = std::thread::spawn(|| {
            restrict().unwrap();
            let thread = std::thread::spawn(|| 7).join().unwrap();
            let program = std::process::Command::new("true").spawn();
            (thread, program.is_err())
        });
        assert_eq!(confined.join().unwrap(), (7, true));
    }
}
