package grade

import (
	"os"

	ll "github.com/landlock-lsm/go-landlock/landlock/syscall"
	"github.com/pingcap/errors"
	"golang.org/x/sys/unix"
)

// An allowance is what a process may still do below a path once it is confined.
type allowance struct {
	path   string
	access uint64
	// optional says that the path need not exist.
	optional bool
}

// What an allowance grants.
const (
	mayRead  = ll.AccessFSExecute | ll.AccessFSReadFile | ll.AccessFSReadDir
	mayWrite = mayRead | ll.AccessFSWriteFile | ll.AccessFSTruncate |
		ll.AccessFSRemoveDir | ll.AccessFSRemoveFile | ll.AccessFSMakeDir | ll.AccessFSMakeReg

	onFiles = ll.AccessFSExecute | ll.AccessFSReadFile | ll.AccessFSWriteFile | ll.AccessFSTruncate
)

// landlock takes from the calling thread, and from the program that it becomes, all access
// to files but allowances, all TCP connections, and all signals to processes outside. A
// kernel that knows only a part of it enforces that part.
//
// Other threads of this process are not confined, for none of them survives exec. To confine
// them, too, as package landlock does, takes a hundred times as long.
func landlock(allowances ...allowance) error {
	abi, err := ll.LandlockGetABIVersion()
	if err != nil || abi < 1 {
		return nil // Sandbox.Check says so
	}
	attr := ll.RulesetAttr{HandledAccessFS: ll.AccessFSMakeSym<<1 - 1}
	if abi >= 2 {
		attr.HandledAccessFS |= ll.AccessFSRefer
	}
	if abi >= 3 {
		attr.HandledAccessFS |= ll.AccessFSTruncate
	}
	if abi >= 4 {
		attr.HandledAccessNet = ll.AccessNetBindTCP | ll.AccessNetConnectTCP
	}
	if abi >= 5 {
		attr.HandledAccessFS |= ll.AccessFSIoctlDev
	}
	if abi >= 6 {
		attr.Scoped = ll.ScopeAbstractUnixSocket | ll.ScopeSignal
	}
	rules, err := ll.LandlockCreateRuleset(&attr, 0)
	if err != nil {
		return errors.Annotate(err, "create rules")
	}
	defer unix.Close(rules)
	for _, a := range allowances {
		if err := a.add(rules, attr.HandledAccessFS); err != nil && !(a.optional && os.IsNotExist(err)) {
			return errors.Annotate(err, a.path)
		}
	}
	return errors.Annotate(ll.LandlockRestrictSelf(rules, 0), "restrict")
}

// add adds an allowance to rules, as far as they handle what it grants.
func (a allowance) add(rules int, handled uint64) error {
	fd, err := unix.Open(a.path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	access := a.access & handled
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return err
	}
	if stat.Mode&unix.S_IFMT != unix.S_IFDIR {
		access &= onFiles
	}
	return ll.LandlockAddPathBeneathRule(rules, &ll.PathBeneathAttr{AllowedAccess: access, ParentFd: fd}, 0)
}
