//go:build !unix

package cluster

import "syscall"

// ownGroup does nothing: there are no process groups here.
func ownGroup() *syscall.SysProcAttr { return nil }
