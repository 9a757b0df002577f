//! What the kernel denies the extraction child for good: files, sockets, other processes and programs. As far as it can.
//!
//! Landlock takes every right to the file system and to TCP; a seccomp filter answers "not permitted" to the calls that a reader of
//! documents never makes. Both hold for root too, unlike most limits. A kernel without them leaves the limits (`limits.rs`).

#[cfg(target_os = "linux")]
pub(super) use linux::{confine, confine_program};

/// Other systems have neither.
#[cfg(not(target_os = "linux"))]
pub(super) fn confine() -> Vec<String> {
    vec!["file rights".to_owned(), "system calls".to_owned()]
}

/// Other systems have neither.
#[cfg(not(target_os = "linux"))]
pub(super) fn confine_program(_readable: &[std::path::PathBuf]) {}

#[cfg(target_os = "linux")]
mod linux {
    use std::collections::BTreeMap;
    use std::path::PathBuf;

    use landlock::{
        ABI, Access as _, AccessFs, AccessNet, BitFlags, Ruleset, RulesetAttr as _, RulesetCreatedAttr as _,
        RulesetError, RulesetStatus, path_beneath_rules,
    };
    use seccompiler::{
        BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    };

    /// Gives up rights; returns the names of what this kernel cannot take. Must come before the limit of open files, as the rights are
    /// described in one.
    pub(in crate::ingest::worker) fn confine() -> Vec<String> {
        let mut without = Vec::new();
        if !matches!(rights(&[]), Ok(RulesetStatus::FullyEnforced | RulesetStatus::PartiallyEnforced)) {
            without.push("file rights".to_owned());
        }
        if let Err(error) = calls(&[DENIED, DENIED_ALONE].concat()) {
            tracing::debug!(%error, "no filter of system calls");
            without.push("system calls".to_owned());
        }
        without
    }

    /// Gives up rights before another program begins: it may read and run what lies at these paths, and change nothing anywhere.
    pub(in crate::ingest::worker) fn confine_program(readable: &[PathBuf]) {
        // What a kernel cannot take is left to the limits, as in the child itself.
        let _ = rights(readable);
        let _ = calls(DENIED);
    }

    /// Nothing may be touched but what is open already, and read what lies at these paths.
    fn rights(readable: &[PathBuf]) -> Result<RulesetStatus, RulesetError> {
        let rules = Ruleset::default().handle_access(AccessFs::from_all(ABI::V5))?;
        let rules = rules.handle_access(AccessNet::from_all(ABI::V5))?.create()?;
        let (files, folders): (Vec<_>, Vec<_>) = readable.iter().partition(|path| path.is_file());
        let file: BitFlags<AccessFs> = AccessFs::Execute | AccessFs::ReadFile;
        let rules = rules.add_rules(path_beneath_rules(files, file))?;
        let rules = rules.add_rules(path_beneath_rules(folders, file | AccessFs::ReadDir))?;
        Ok(rules.restrict_self()?.ruleset)
    }

    /// Calls that only a program makes which opens files or becomes another one.
    const DENIED_ALONE: &[i64] = &[
        libc::SYS_execve,
        libc::SYS_openat,
        libc::SYS_openat2,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_open,
    ];

    /// Calls that no reader of documents or pictures makes.
    const DENIED: &[i64] = &[
        libc::SYS_execveat,
        libc::SYS_socket,
        libc::SYS_socketpair,
        libc::SYS_connect,
        libc::SYS_bind,
        libc::SYS_listen,
        libc::SYS_accept4,
        libc::SYS_unlinkat,
        libc::SYS_renameat2,
        libc::SYS_linkat,
        libc::SYS_symlinkat,
        libc::SYS_mkdirat,
        libc::SYS_fchmodat,
        libc::SYS_fchownat,
        libc::SYS_mount,
        libc::SYS_umount2,
        libc::SYS_pivot_root,
        libc::SYS_chroot,
        libc::SYS_unshare,
        libc::SYS_setns,
        libc::SYS_ptrace,
        libc::SYS_process_vm_readv,
        libc::SYS_process_vm_writev,
        libc::SYS_pidfd_open,
        libc::SYS_pidfd_getfd,
        libc::SYS_bpf,
        libc::SYS_io_uring_setup,
        libc::SYS_keyctl,
        libc::SYS_add_key,
        libc::SYS_request_key,
        libc::SYS_perf_event_open,
        libc::SYS_userfaultfd,
        libc::SYS_init_module,
        libc::SYS_finit_module,
        libc::SYS_kexec_load,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_creat,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_fork,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_vfork,
    ];

    fn calls(denied: &[i64]) -> Result<(), seccompiler::Error> {
        // A new process is denied, a thread is not. `clone3` hides its flags in memory: without it libraries use `clone`.
        let process =
            SeccompCondition::new(0, SeccompCmpArgLen::Qword, SeccompCmpOp::MaskedEq(libc::CLONE_THREAD as u64), 0)
                .and_then(|condition| SeccompRule::new(vec![condition]))
                .map_err(seccompiler::Error::Backend)?;
        let mut denied: BTreeMap<i64, Vec<SeccompRule>> = denied.iter().map(|call| (*call, Vec::new())).collect();
        denied.insert(libc::SYS_clone, vec![process]);
        apply(denied, libc::EPERM)?;
        apply(BTreeMap::from([(libc::SYS_clone3, Vec::new())]), libc::ENOSYS)
    }

    fn apply(rules: BTreeMap<i64, Vec<SeccompRule>>, answer: i32) -> Result<(), seccompiler::Error> {
        let architecture = std::env::consts::ARCH.try_into().map_err(seccompiler::Error::Backend)?;
        let filter = SeccompFilter::new(rules, SeccompAction::Allow, SeccompAction::Errno(answer as u32), architecture)
            .map_err(seccompiler::Error::Backend)?;
        let program: BpfProgram = filter.try_into().map_err(seccompiler::Error::Backend)?;
        seccompiler::apply_filter(&program)
    }
}
