package escape

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
	"unsafe"
)

// result is nil if a system call was possible.
func result(errno syscall.Errno) error {
	if errno == 0 {
		return nil
	}
	return errno
}

func call(number uintptr, a, b, c uintptr) (uintptr, error) {
	r, _, errno := syscall.Syscall(number, a, b, c)
	return r, result(errno)
}

// Fork starts another process.
func Fork() error { return exec.Command(os.Args[0], "-test.list=none").Run() }

// Exec becomes another program.
func Exec() error { return syscall.Exec(os.Args[0], []string{os.Args[0], "-test.list=none"}, nil) }

// LeaveGroup goes to the group of the parent, where the grader does not look for it.
func LeaveGroup() error {
	group, err := syscall.Getpgid(syscall.Getppid())
	if err != nil {
		return err
	}
	return syscall.Setpgid(0, group)
}

// AskParent asks for a limit of the parent, as one does that changes it.
func AskParent() error {
	parent := syscall.Getppid()
	if parent == 0 {
		return errors.New("the parent is out of sight")
	}
	var limit syscall.Rlimit
	_, _, errno := syscall.Syscall6(syscall.SYS_PRLIMIT64, uintptr(parent), syscall.RLIMIT_CORE, 0, uintptr(unsafe.Pointer(&limit)), 0, 0)
	return result(errno)
}

// SignalParent finds out whether the parent could be killed.
func SignalParent() error { return syscall.Kill(syscall.Getppid(), 0) }

// SharedMemory makes memory that is there until the next start of the machine.
func SharedMemory() error {
	const private, create, remove = 0, 0o1000, 0
	id, err := call(syscall.SYS_SHMGET, private, 4096, create|0o600)
	if err == nil {
		_, err = call(syscall.SYS_SHMCTL, id, remove, 0)
	}
	return err
}

// Memfd makes a file that is memory.
func Memfd() error {
	name := []byte("m\x00")
	fd, err := call(memfdCreate, uintptr(unsafe.Pointer(&name[0])), 0, 0)
	if err == nil {
		err = syscall.Close(int(fd))
	}
	return err
}

// MapShared maps memory that counts nowhere once it is given back in part.
func MapShared() error { return mapped(syscall.PROT_READ, syscall.MAP_ANON|syscall.MAP_SHARED) }

// MapCode maps memory for a program of its own.
func MapCode() error {
	return mapped(syscall.PROT_READ|syscall.PROT_EXEC, syscall.MAP_ANON|syscall.MAP_PRIVATE)
}

func mapped(prot, flags int) error {
	data, err := syscall.Mmap(-1, 0, 4096, prot, flags)
	if err != nil {
		return err
	}
	return syscall.Munmap(data)
}

// MapLow maps memory where the sandbox had the path of the program that it became.
func MapLow() error {
	const low, size, noReplace = 1 << 20, 4096, 0x100000
	_, _, errno := syscall.Syscall6(syscall.SYS_MMAP, low, size, syscall.PROT_READ, syscall.MAP_ANON|syscall.MAP_PRIVATE|noReplace, ^uintptr(0), 0)
	if errno != 0 {
		return errno
	}
	_, err := call(syscall.SYS_MUNMAP, low, size, 0)
	return err
}

// Symlink makes a link to what is outside.
func Symlink() error { return os.Symlink("/etc", "link") }

// Link gives a file a second name.
func Link() error {
	if err := os.WriteFile("one", nil, 0o600); err != nil {
		return nil
	}
	return os.Link("one", "two")
}

// Chmod changes who may use a directory, which Landlock does not watch.
func Chmod() error { return os.Chmod(".", 0o700) }

// HideDirectory makes a directory that cannot be listed.
func HideDirectory() error { return os.Mkdir("hidden", 0o300) }

// Control changes a descriptor by ioctl.
func Control() error {
	const closeOnExec = 0x5451
	_, err := call(syscall.SYS_IOCTL, 1, closeOnExec, 0)
	return err
}

// Lock locks a part of a file; millions of parts fill the kernel's memory.
func Lock() error {
	f, err := os.Create("locked")
	if err != nil {
		return nil
	}
	defer f.Close()
	return syscall.FcntlFlock(f.Fd(), syscall.F_SETLK, &syscall.Flock_t{Type: syscall.F_WRLCK, Len: 1})
}

// Nice changes its priority.
func Nice() error { return syscall.Setpriority(syscall.PRIO_PROCESS, 0, 19) }

// Survive outlives the grader, if that is killed.
func Survive() error {
	_, err := call(syscall.SYS_PRCTL, syscall.PR_SET_PDEATHSIG, 0, 0)
	return err
}

// Inherited finds the descriptor that TestSandbox leaves open.
func Inherited() error {
	_, err := call(syscall.SYS_FCNTL, 200, syscall.F_GETFD, 0)
	return err
}

// ManyFiles makes more files than a solution needs, and goes on for a while.
func ManyFiles() error {
	for i := range 10_100 {
		if err := os.WriteFile(fmt.Sprint("file", i), nil, 0o600); err != nil {
			return err
		}
	}
	goOn()
	return nil
}

// goOn computes for long enough to be seen.
func goOn() {
	for begin := time.Now(); time.Since(begin) < time.Second; {
	}
}

// Unnamed fills the disk with files that have no name, and goes on for a while.
func Unnamed() error {
	for i := range 5 {
		name := fmt.Sprint("unnamed", i)
		f, err := os.Create(name)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := errors.Join(os.Remove(name), syscall.Fallocate(int(f.Fd()), 0, 0, 60<<20)); err != nil {
			return err
		}
	}
	goOn()
	return nil
}
