//go:build !linux

package storetest

import "syscall"

func dieWithParent(as *syscall.SysProcAttr) *syscall.SysProcAttr { return as }
