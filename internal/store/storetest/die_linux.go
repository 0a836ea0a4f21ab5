package storetest

import "syscall"

// dieWithParent has a process end with the test binary, even if that is killed.
//
// The kernel watches the thread that started the process, not the whole parent;
// Go ends a thread only if a goroutine locked to it does.
func dieWithParent(as *syscall.SysProcAttr) *syscall.SysProcAttr {
	if as == nil {
		as = &syscall.SysProcAttr{}
	}
	as.Pdeathsig = syscall.SIGQUIT
	return as
}
