package grade_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/lab/course"
	"github.com/labkv/labkv/lab/grade"
)

// Nothing that a solution does with what it may import makes a test pass, or keeps its
// verdict from being plain.
func TestHostileSolutions(t *testing.T) {
	var tricks []trick
	add := func(class, name, body, found string) { tricks = append(tricks, trick{class, name, body, found}) }
	add(forNothing, "prints PASS and ends", `fmt.Println("--- PASS: TestAdd1 (0.00s)\nPASS"); log.Fatal("ok")`, `^ended without a verdict: the process exited with status 1, saying "x.go:\d+: ok"$`)
	add(forNothing, "prints a report", `fmt.Println("ready"); fmt.Println("0 {\"test\":\"TestAdd1\",\"event\":\"end\",\"status\":\"passed\"}")`, unearned)
	add(forNothing, "swallows panics", `defer func() { recover() }(); panic(1)`, unearned)
	add(forNothing, "panics with nil", `panic(nil)`, `^panic: panic called with nil argument.*, in counter.attack\d+ \(counter/x.go:\d+\)$`)
	add(forNothing, "seems not implemented", `panic("TODO(1): implement (*Counter).Add")`, `^panic: TODO\(1\): implement \(\*Counter\).Add, in counter.attack\d+ \(counter/x.go:\d+\)$`)
	add(forNothing, "prints that it is not implemented", `log.SetFlags(0); log.Fatal("panic: TODO(1): implement (*Counter).Add\n\ngoroutine 1 [running]:")`, `^TODO\(1\): implement \(\*Counter\).Add$`)
	add(forNothing, "prints that memory ran out", `log.SetFlags(0); log.Fatal("fatal error: runtime: out of memory")`, `^needs more than 512 MiB of memory$`)
	add(forNothing, "panics in another goroutine", `go panic("elsewhere"); time.Sleep(time.Minute)`, `^panic: elsewhere`)
	add(forNothing, "panics with an error that panics", `panic(badError{})`, `^panic: `)
	add(forNothing, "panics with an endless text", `panic(badText{})`, `^(panic|endless recursion|fatal error: stack overflow)`)
	add(forNothing, "writes a map in two goroutines", `m := map[int]int{}; for i := range 4 { go func() { for { m[i]++; time.Sleep(0) } }() }; time.Sleep(time.Second)`, unearned+`|^fatal error: concurrent map`)
	add(forNothing, "unlocks what is not locked", `var mu sync.Mutex; mu.Unlock()`, `^fatal error: sync: unlock of unlocked mutex, in counter.attack\d+`)
	add(resources, "recurses without end", `recurse(1)`, `^endless recursion: a goroutine's stack grew to 64 MiB, in counter.recurse`)
	add(resources, "fills memory", `for { b := make([]byte, 8<<20); for i := 0; i < len(b); i += 4096 { b[i] = 1 }; kept = append(kept, b) }`, `^needs more than 512 MiB of memory$`)
	add(resources, "wants all memory at once", `kept = append(kept, make([]byte, 1<<45))`, `^needs more than 512 MiB of memory$`)
	add(resources, "leaves goroutines", `for range 10000 { go func() { select {} }() }`, unearned)
	add(terminals, "dumps a hundred thousand goroutines", `c := make(chan int); for range 100000 { go func() { <-c }() }; var m map[int]int; m[0] = 1`, `^panic: assignment to entry in nil map, in counter.attack\d+`)
	add(terminals, "prints 200 megabytes", `for range 50 { fmt.Print(block) }`, unearned)
	add(terminals, "panics with commands for a terminal", `panic("\x1b[2J\x1b]0;owned\a\r\u202egnp\u0000\x9b31m | <script>alert(1)</script>")`, `^panic: .*script.*, in counter.attack\d+`)
	add(terminals, "panics with ten megabytes", `panic(block + "\n" + block + block)`, `^panic: x.*, in counter.attack\d+`)
	add(terminals, "panics with bytes that are no text", `panic("\xff\xfe]]>&#0;")`, `^panic: .*\]\]>&#0;, in counter.attack\d+`)
	add(terminals, "prints a crash of the harness", `log.SetFlags(0); log.Fatal("panic: \n\ngoroutine 7 [running]:\ntesting.tRunner()\n\t/lab/graded/graded.go:1 +0x1")`, `^panic:`)

	c := tricked(t, "fmt, log, strings, sync, time", tricks)
	source := `import ("fmt"; "log"; "strings"; "sync"; "time")

type badError struct{}

func (badError) Error() string { panic("worse") }

type badText struct{ depth int }

func (b badText) String() string { return badText{b.depth + 1}.String() + "x" }

func recurse(n int) int { return recurse(n+1) + 1 }

var (
	kept  [][]byte
	block = strings.Repeat("x", 4<<20)
)
`
	grades := meet(t, c, "1", &grade.Runner{}, []attack{{class: forNothing, name: "tricks", submission: hostile(t, c, "tricks", source+bodies(tricks)), found: unearned}})
	requireTricks(t, grades.Rows[1], tricks)
}

// unearned is what a test is told of a counter that counts down.
const unearned = `^the count is -1 after adding 1 times$`

// A trick is an attack that a test calls, of many in one submission.
type trick struct {
	class, name, body string
	found             string // pattern of what its test is told
}

// attackOfCourse is what a tricked course has, and honest submissions leave as it is.
const attackOfCourse = "// Attack does nothing.\nfunc Attack(int) {}\n\n"

// tricked is the small course with a test of a process of its own for each of some tricks.
func tricked(t *testing.T, imports string, tricks []trick) *course.Course {
	c := wide(t, imports)
	edit(t, c, "counter/counter.go", "// Sum returns", attackOfCourse+"// Sum returns")
	list, tests := "", `package counter_test

import (
	"testing"

	"example.com/counting/counter"

	"github.com/labkv/labkv/lab/graded"
)

func attacked(t *testing.T, i int) {
	graded.Seeds(t, graded.Claim{Text: "c", Source: "s"}, 1, func(t *graded.T, _ uint64) uint64 {
		counter.Attack(i)
		var c counter.Counter
		if got := c.Add(); got != 1 {
			t.Fatalf("the count is %d after adding 1 times", got)
		}
		return 1
	})
}
`
	for i := range tricks {
		list += fmt.Sprintf("\n          - {name: %s, seeds: 1-1}", tricks[i].test(i))
		tests += fmt.Sprintf("\nfunc %s(t *testing.T) { attacked(t, %d) }\n", tricks[i].test(i), i)
	}
	const after = "- {name: TestAddSeeds1, seeds: 1-20}"
	edit(t, c, "course.yaml", after, after+list)
	require.NoError(t, os.WriteFile(filepath.Join(c.Root, "counter/tricks_test.go"), []byte(tests), 0o644))
	return load(t, c.Root)
}

// test is the name of the test of a trick at an index.
func (trick) test(i int) string { return fmt.Sprintf("TestTrick%dOf1", i) }

// bodies returns the function that the tests of tricks call.
func bodies(tricks []trick) string {
	attack, cases := "", ""
	for i, trick := range tricks {
		attack += fmt.Sprintf("\nfunc attack%d() {\n%s\n}\n", i, trick.body)
		cases += fmt.Sprintf("\tcase %d:\n\t\tattack%d()\n", i, i)
	}
	return attack + "\nfunc Attack(i int) {\n\tswitch i {\n" + cases + "\t}\n}\n"
}

// requireTricks checks what the tests of tricks were told.
func requireTricks(t *testing.T, row *grade.Row, tricks []trick) {
	t.Helper()
	results := row.Report.Results()[2:] // after the course's own
	require.Len(t, results, len(tricks))
	for i, trick := range tricks {
		what := trick.class + ": " + trick.name
		assert.NotEqual(t, grade.Passed, results[i].Status, what)
		assert.Regexp(t, trick.found, results[i].Found(), what)
		assert.NotContains(t, results[i].Output, "ESCAPED", what)
		assert.Less(t, len(results[i].Found()), 8<<10, what)
		assert.Less(t, len(results[i].Output), 1<<20, what)
	}
}

// What never ends costs its budget a few times, and says where it was.
func TestHostileWaits(t *testing.T) {
	needsLinux(t)
	const late = `^no verdict within (2s of processor|2s of real|10s of real) time`
	var tricks []trick
	add := func(name, body, found string) { tricks = append(tricks, trick{resources, name, body, found}) }
	add("waits for itself", `go func() { for { time.Sleep(time.Hour) } }(); select {}`, late+`: counter.attack0 waits in a select without cases`)
	// The first process of a namespace is not stopped.
	add("stops itself", `syscall.Kill(os.Getpid(), syscall.SIGSTOP)`, late+`|`+unearned)
	add("catches all signals", `s := make(chan os.Signal, 1); signal.Notify(s); for { select { case x := <-s: fmt.Println(x); default: fmt.Print() } }`, late)
	c := tricked(t, "fmt, os, os/signal, syscall, time", tricks)
	early := func(name, source string) attack {
		return attack{class: resources, name: name, submission: hostile(t, c, name, source), found: late}
	}
	grades := meet(t, c, "1", &grade.Runner{Timeout: 2 * time.Second}, []attack{
		{class: resources, name: "tricks", submission: hostile(t, c, "tricks", "import (\"fmt\"; \"os\"; \"os/signal\"; \"syscall\"; \"time\")\n"+bodies(tricks)), found: unearned},
		early("computes early", "func init() { for { } }"),
		early("waits early", "import \"time\"\n\nfunc init() { time.Sleep(time.Hour) }"),
		early("ignores signals", "import (\n\t\"os/signal\"\n\t\"time\"\n)\n\nfunc init() { signal.Ignore(); time.Sleep(time.Hour) }"),
		early("hides in a panic", "import \"time\"\n\ntype bad struct{}\n\nfunc (bad) Error() string { time.Sleep(time.Hour); return \"\" }\n\nfunc init() { panic(bad{}) }"),
	})
	requireTricks(t, grades.Rows[1], tricks)
}

// system is what submissions import that the check of sources does not keep from it.
const system = "import (\n\t\"fmt\"\n\t\"io\"\n\t\"net\"\n\t\"os\"\n\t\"os/exec\"\n\t\"runtime\"\n\t\"strings\"\n\t\"syscall\"\n\t\"time\"\n)\n\n" +
	"var (\n\t_ = fmt.Sprint\n\t_ io.Writer\n\t_ net.Conn\n\t_ = os.Exit\n\t_ exec.Cmd\n\t_ runtime.Error\n\t_ = strings.Repeat\n\t_ = syscall.Kill\n\t_ time.Time\n)\n\n" +
	"var report = os.NewFile(3, \"report\")\n\n" +
	"func try(what string, err error) { if err == nil { fmt.Println(\"ESCAPED\", what) } }\n\n" +
	"func call(what string, n, a, b, c, d, e, f uintptr) {\n\t// What is allowed fails for another reason, such as the address 0.\n\tif _, _, errno := syscall.Syscall6(n, a, b, c, d, e, f); errno != syscall.EPERM && errno != syscall.ENOSYS {\n\t\tfmt.Println(\"ESCAPED\", what)\n\t}\n}\n\n"

const systemImports = "fmt, io, io/fs, net, os, os/exec, runtime, strings, syscall, time"

// record is a line of a report without its authentication code, in a source.
const record = `{\"test\":\"TestAdd1\",\"event\":\"end\",\"status\":\"passed\",\"claim\":\"c\",\"source\":\"s\"}\n`

// What a submission does before the tests begin makes none of them pass either.
func TestHostileStarts(t *testing.T) {
	needsLinux(t)
	c := wide(t, systemImports+", log")
	var attacks []attack
	add := func(name, source, found string) {
		attacks = append(attacks, attack{class: forNothing, name: name, submission: hostile(t, c, fmt.Sprintf("e%02d", len(attacks)), source), found: found})
	}
	add("ends early", "import \"log\"\n\nfunc init() { log.Fatal(\"PASS\") }", `^ended without a verdict: the process exited with status 1, saying ".* PASS"$`)
	add("fails early", "func init() { go panic(\"early\") }", `^panic: early|`+unearned)
	add("initializes in a circle", "var a = b\n\nvar b = a", `initialization cycle`)
	add("exits with 0 before the tests", system+"func init() { fmt.Println(\"PASS\"); os.Exit(0) }", `^ended without a verdict$`)
	add("reports before the tests", system+"func init() { report.WriteString(\"ready\\n"+record+"\"); os.Exit(0) }", `^ended without a verdict: line 2 of the report is not the harness's$`)
	add("reports without being ready", system+"func init() { report.WriteString(\""+record+"\"); os.Exit(0) }", `^ended without a verdict: the report does not begin as the harness begins it$`)
	add("closes the challenge", system+"func init() { syscall.Close(4) }", `open report|read the challenge|ended without a verdict`)
	add("takes the challenge and goes on", system+"func init() { report.WriteString(\"ready\\n\"); os.NewFile(4, \"\").Read(make([]byte, 32)); syscall.Close(4) }", `^ended without a verdict|read the challenge|not the harness's`)
	add("floods the report", system+"func init() { b := make([]byte, 1<<20); for range 70 { report.Write(b) }; os.Exit(0) }", `^ended without a verdict: the report is larger than 64 MiB$|not the harness's|ended`)
	add("sets the environment of the harness", system+"func init() { os.Setenv(\"LABKV_REPORT\", \"1,0\"); os.Setenv(\"LABKV_SEEDS\", \"1\") }", `open report|ended without a verdict|read the challenge`)
	add("unsets the environment of the harness", system+"func init() { os.Unsetenv(\"LABKV_REPORT\") }", `^ended without a verdict`)
	add("changes what tests run", system+"func init() { os.Args = []string{os.Args[0], \"-test.run=^$\", \"-test.list=none\"} }", `^ended without a verdict$`)
	attacks = append(attacks,
		attack{class: theBuild, name: "nested deeply", submission: hostile(t, c, "nested", "var x = "+strings.Repeat("(", 90_000)+"1"+strings.Repeat(")", 90_000)+"\n"), found: `^the count is -1|^counter|compiler`},
		attack{class: theBuild, name: "nested too deeply", submission: hostile(t, c, "deeper", "var x = "+strings.Repeat("(", 200_000)+"1"+strings.Repeat(")", 200_000)+"\n"), rejected: `^counter cannot be checked: counter/x.go:3:\d+: exceeded max nesting depth$`},
		attack{class: theBuild, name: "an endless type", submission: hostile(t, c, "endless", "type T[P any] struct { f *T[T[P]] }\nvar x T[int]\n"), found: `counter/x.go|the count is`},
	)
	meet(t, c, "TestAdd1", &grade.Runner{}, attacks)
}

// Code that the check of sources should have refused still is confined, and what of it does
// not know how the harness reports cannot forge a report.
func TestHostileSystem(t *testing.T) {
	needsLinux(t)
	useMemory(t)
	t.Setenv("LABKV_SECRET", "x")
	var tricks []trick
	add := func(class, name, body, found string) { tricks = append(tricks, trick{class, name, body, found}) }
	other := counting(t)
	honest := submit(t, other, "victim", nil)
	// The report.
	add(forNothing, "exits with 0 in a test", "os.Exit(0)", `unexpected call to os.Exit\(0\) during test`)
	add(forNothing, "exits with 0 in a test, by the system", "syscall.Exit(0)", `^ended without a verdict`)
	add(forNothing, "ends the test's goroutine", "runtime.Goexit()", `^runtime.Goexit ends the test's goroutine, in counter.attack`)
	add(forNothing, "reports in a test", "report.WriteString(\""+record+"\"); syscall.Exit(0)", `^ended without a verdict: line 3 of the report is not the harness's$`)
	add(forNothing, "reports with a code of its own", "report.WriteString(strings.Repeat(\"0\", 64)+\" "+record+"\"); syscall.Exit(0)", `^ended without a verdict: line 3 of the report is not the harness's$`)
	add(forNothing, "closes the report", "syscall.Close(3)", `write report|ended without a verdict|`+unearned)
	add(forNothing, "has its own output for the report", "syscall.Dup3(1, 3, 0)", `write report|ended without a verdict|`+unearned)

	// Processes, files and the network.
	add(escape, "other processes", `
	parent := os.Getppid()
	try("signal", syscall.Kill(-1, 0))
	if parent > 0 {
		try("kill", syscall.Kill(parent, syscall.SIGKILL))
		try("attach", syscall.PtraceAttach(parent))
	}
	try("trace", func() error { _, _, e := syscall.Syscall(syscall.SYS_PTRACE, 0, 0, 0); if e == 0 { return nil }; return e }())
	try("fork", exec.Command(os.Args[0], "-test.list=none").Run())
	try("exec", syscall.Exec(os.Args[0], []string{os.Args[0], "-test.list=none"}, []string{"LD_PRELOAD=./x.so"}))
	try("group", syscall.Setpgid(0, 0))
	call("session", syscall.SYS_SETSID, 0, 0, 0, 0, 0, 0)
	call("outlive", syscall.SYS_PRCTL, syscall.PR_SET_PDEATHSIG, 0, 0, 0, 0, 0)
	try("user", syscall.Setuid(0))
	try("group", syscall.Setgid(0))
	call("namespace", syscall.SYS_UNSHARE, syscall.CLONE_NEWUSER, 0, 0, 0, 0, 0)
	try("limits", syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: 9, Max: 9}))
	call("priority", syscall.SYS_SETPRIORITY, 0, 0, 19, 0, 0, 0)
	call("affinity", syscall.SYS_SCHED_SETAFFINITY, 0, 8, 0, 0, 0, 0)
`, unearned)
	add(escape, "objects of the system", `
	call("shared memory", syscall.SYS_SHMGET, 0, 4096, 0o1600, 0, 0, 0)
	call("semaphores", syscall.SYS_SEMGET, 0, 1, 0o1600, 0, 0, 0)
	call("messages", syscall.SYS_MSGGET, 0, 0o1600, 0, 0, 0, 0)
	call("a queue", syscall.SYS_MQ_OPEN, 0, syscall.O_CREAT|syscall.O_RDWR, 0o600, 0, 0, 0)
	call("a key", syscall.SYS_ADD_KEY, 0, 0, 0, 0, 0, 0)
	try("/dev/shm", os.WriteFile("/dev/shm/hostile", nil, 0o600))
	call("watches", syscall.SYS_INOTIFY_INIT1, 0, 0, 0, 0, 0, 0)
	call("events", syscall.SYS_PERF_EVENT_OPEN, 0, 0, 0, 0, 0, 0)
	call("timers", syscall.SYS_TIMERFD_CREATE, 0, 0, 0, 0, 0, 0)
	const ring, bpf, faults, memory = 425, 321, 323, 319
	call("ring", ring, 1, 0, 0, 0, 0, 0)
	call("bpf", bpf, 0, 0, 0, 0, 0, 0)
	call("page faults", faults, 0, 0, 0, 0, 0, 0)
	call("memory with a name", memory, 0, 0, 0, 0, 0, 0)
`, unearned)
	add(escape, "files of others", `
	for _, name := range []string{"/", "..", "../..", "/proc", "/proc/self/environ", "/proc/self/mem", fmt.Sprintf("/proc/%d/environ", os.Getppid()), "/etc/passwd", "/dev/shm", `+strconv.Quote(honest)+`, `+strconv.Quote(filepath.Join(honest, "counter/counter.go"))+`, `+strconv.Quote(filepath.Join(other.Root, "course.yaml"))+`} {
		f, err := os.Open(name)
		if err == nil && name != ".." {
			_, err = f.Read(make([]byte, 1))
			if e, dir := err.(*os.PathError); dir && e.Err == syscall.EISDIR { _, err = f.Readdirnames(1) }
			try("read "+name, err)
		}
	}
	for _, name := range []string{os.Args[0], `+strconv.Quote(filepath.Join(honest, "counter/counter.go"))+`, "/tmp/hostile", "../../hostile", `+strconv.Quote(filepath.Join(other.Root, "counter/hostile.go"))+`} {
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE, 0o600)
		try("write "+name, err)
		f.Close()
	}
	try("rename", os.Rename("../../counter.test", "test"))
	try("remove", os.RemoveAll(`+strconv.Quote(honest)+`))
	for _, setting := range os.Environ() {
		if strings.HasPrefix(setting, "LABKV_SECRET=") || strings.HasPrefix(setting, "PATH=") { try(setting, nil) }
	}
	for fd := 5; fd < 256; fd++ {
		var s syscall.Stat_t
		if syscall.Fstat(fd, &s) == nil && s.Mode&syscall.S_IFMT == syscall.S_IFREG { try("descriptor", nil) }
	}
`, unearned)
	add(escape, "links, devices and rights", `
	os.WriteFile("file", nil, 0o600)
	try("symbolic link", os.Symlink("/etc", "link"))
	try("link", os.Link("file", "link"))
	try("pipe", syscall.Mkfifo("pipe", 0o600))
	try("device", syscall.Mknod("device", syscall.S_IFBLK|0o600, 0))
	try("rights", os.Chmod(".", 0))
	try("owner", os.Chown(".", 1, 1))
	try("hidden", os.Mkdir("hidden", 0))
	try("times", os.Chtimes("file", time.Now(), time.Now()))
	call("attribute", syscall.SYS_SETXATTR, 0, 0, 0, 0, 0, 0)
	call("mount", syscall.SYS_MOUNT, 0, 0, 0, 0, 0, 0)
	try("root", syscall.Chroot("."))
	os.Rename("../dir", "../gone")
	os.Remove("../gone")
`, unearned)
	add(escape, "the network", `
	for _, address := range [][2]string{{"tcp", "127.0.0.1:0"}, {"unix", "socket"}, {"unix", "@hostile"}} {
		_, err := net.Listen(address[0], address[1])
		try(address[0], err)
	}
	_, err := net.DialTimeout("udp", "127.0.0.1:9", time.Second)
	try("udp", err)
	_, err = syscall.Socket(syscall.AF_NETLINK, syscall.SOCK_RAW, 0)
	try("netlink", err)
	_, err = syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	try("pair", err)
`, unearned)
	add(escape, "code made at run time", `
	_, err := syscall.Mmap(-1, 0, 4096, syscall.PROT_READ|syscall.PROT_EXEC, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	try("map", err)
	data, _ := syscall.Mmap(-1, 0, 4096, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	try("protect", syscall.Mprotect(data, syscall.PROT_READ|syscall.PROT_EXEC))
	_, err = syscall.Mmap(-1, 0, 4096, syscall.PROT_READ, syscall.MAP_ANON|syscall.MAP_SHARED)
	try("share", err)
`, unearned)

	// Resources.
	add(resources, "fills the disk", "b := make([]byte, 1<<20); for i := range 9 { f, _ := os.Create(fmt.Sprint(i)); for range 60 { f.Write(b) }; f.Close() }; for b := time.Now(); time.Since(b) < time.Second; { }", `^wrote more than 256 MiB$`)
	add(resources, "makes many files", "for i := range 10100 { os.WriteFile(fmt.Sprint(i), nil, 0o600) }; for b := time.Now(); time.Since(b) < 2 * time.Second; { }", `^made more than 10000 files$`)
	add(resources, "makes directories in directories", "for range 300 { os.Mkdir(\"d\", 0o700); os.Chdir(\"d\") ; if syscall.Chdir(\"d\") != nil { break } } ; for i := range 60 { os.MkdirAll(strings.Repeat(\"e/\", i), 0o700) }; for b := time.Now(); time.Since(b) < time.Second; { }", `^made more than 10000 files$|`+unearned)
	add(resources, "opens many files", "n := 0; for range 1000 { if _, err := os.Open(\".\"); err != nil { break }; n++ }; if n > 256 { try(\"files\", nil) }", unearned+`|too many open files`)
	add(resources, "starts many threads", "for range 300 { go func() { runtime.LockOSThread(); syscall.Read(0, nil); var s syscall.Timespec; s.Sec = 3; syscall.Nanosleep(&s, nil) }() }; for b := time.Now(); time.Since(b) < 2 * time.Second; { runtime.Gosched() }", `^(started more than 256 threads|could not start another thread; it may have 256)$|`+unearned)
	add(terminals, "prints much without a line", "b := make([]byte, 1<<20); for range 300 { os.Stdout.Write(b) }; os.Stderr.WriteString(\"\\x1b[2J\"); syscall.Exit(7)", `^ended without a verdict: the process exited with status 7, saying`)
	add(terminals, "writes where there is nothing", "var p *int; *p = 1", `^panic: runtime error: invalid memory address or nil pointer dereference, in counter.attack\d+`)
	add(terminals, "aborts", "syscall.Kill(os.Getpid(), syscall.SIGABRT); time.Sleep(time.Minute)", `^ended without a verdict: the process exited with status 2`)
	c := tricked(t, systemImports, tricks)
	attacks := []attack{{class: escape, name: "tricks", submission: hostile(t, c, "tricks", system+bodies(tricks)), found: unearned}}
	grades := meet(t, c, "1", &grade.Runner{}, attacks)
	requireTricks(t, grades.Rows[1], tricks)
	left, err := os.ReadFile(filepath.Join(honest, "counter/counter.go"))
	require.NoError(t, err)
	require.Contains(t, string(left), "c.n++")
}

// forger is all that it takes to forge a report, for code that the check of sources has not
// kept from the operating system: it takes the challenge in place of the harness, and ends
// the process before any test runs.
const forger = system + `
func code(challenge []byte, n int, text string) string {
	mac := hmac.New(sha256.New, challenge)
	fmt.Fprintf(mac, "%d %s", n, text)
	return fmt.Sprintf("%x", mac.Sum(nil))
}

func init() {
	report.WriteString("ready\n")
	challenge := make([]byte, 32)
	io.ReadFull(os.NewFile(4, "challenge"), challenge)
	for i, event := range []string{"start", "end"} {
		text := fmt.Sprintf("{\"test\":\"TestAdd1\",\"event\":%q,\"status\":\"passed\",\"claim\":\"c\",\"source\":\"s\"}", event)
		fmt.Fprintf(report, "%s %s\n", code(challenge, i+1, text), text)
	}
	os.Exit(0)
}
`

// What keeps a solution from forging its report is the check of sources alone: the
// challenge does not, once code of the submission can use files.
func TestHostileWhatRemains(t *testing.T) {
	needsLinux(t)
	c := wide(t, systemImports+", crypto/hmac, crypto/sha256, hash")
	source := "import (\"crypto/hmac\"; \"crypto/sha256\")\n" + forger
	submission := hostile(t, c, "forger", source)
	batch := grade.Batch{Course: c, Selection: choose(t, c, "TestAdd1"), Runner: &grade.Runner{Sandbox: sandbox(t, true)}}
	grades, err := batch.Run(context.Background(), []string{submission})
	require.NoError(t, err)
	require.True(t, grades.Perfect(), "%s: the sandbox does not protect the report of a process from itself", grades.Rows[0].Note)

	c = counting(t)
	batch.Course, batch.Selection = c, choose(t, c, "TestAdd1")
	grades, err = batch.Run(context.Background(), []string{submission})
	require.NoError(t, err)
	require.Equal(t, grade.Rejected, grades.Rows[0].Status)
}
