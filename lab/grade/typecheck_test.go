package grade_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/lab/course"
	"github.com/labkv/labkv/lab/grade"
)

// typedCourse is the small course with more to import, and with a package of its own that
// has much to give away.
func typedCourse(t *testing.T) *course.Course {
	c := counting(t)
	edit(t, c, "course.yaml", "imports: [fmt, log, strings, sync, time]",
		"imports: [context, encoding/json, errors, fmt, io, iter, log, log/slog, math/rand, math/rand/v2, slices, strings, sync, sync/atomic, time,"+
			" google.golang.org/protobuf/proto, google.golang.org/protobuf/types/known/durationpb, google.golang.org/grpc/codes, google.golang.org/grpc/status]")
	edit(t, c, "course.yaml", "guide: doc/counting.md#one", "guide: doc/counting.md#one\n        imports: [tool]")
	require.NoError(t, os.Mkdir(filepath.Join(c.Root, "tool"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(c.Root, "tool/tool.go"), []byte(`package tool

import (
	"os"
	"reflect"
	"testing"
)

type Log struct{ *os.File }

type Box[T any] struct{ Value T }

type Wide struct {
	Plain int
	File  *os.File
	tool  reflect.Value
}

type Types []reflect.Type

var (
	Files   chan *os.File
	ByName  map[string]testing.TB
	Boxed   *Box[reflect.Value]
	Visit   func(func(reflect.Type) bool)
	Nested  func() func() [2][]os.FileMode
	Several Types
	Both    = func() (int, error, *os.File) { return 0, nil, nil }
)

func Mode(os.FileMode) {}
`), 0o644))
	return load(t, c.Root)
}

// What an import leads to is refused as the import is, with the place and the reason,
// before anything is compiled.
func TestRefusedUses(t *testing.T) {
	c := typedCourse(t)
	const (
		value  = "func value(e *json.UnsupportedValueError) any { %s }\n"
		around = "; it goes around the type system"
		io     = "; a solution does no I/O of its own"
		tested = "; a solution does not know that it is tested"
		replay = "; it cannot be replayed"
		listed = ", whose package is not among those that a solution may use (see imports in course.yaml)"
	)
	var submissions, wants []string
	for i, test := range []struct{ imports, source, want string }{
		// What errors carry.
		{"encoding/json", "func f(e *json.UnmarshalTypeError) bool { return e.Type == nil }", "has a value of type reflect.Type" + around},
		{"encoding/json", fmt.Sprintf(value, "return e.Value.UnsafePointer()"), "uses reflect.Value.UnsafePointer" + around},
		{"encoding/json", fmt.Sprintf(value, "return e.Value.Pointer"), "uses reflect.Value.Pointer" + around},
		{"encoding/json", "type mine struct{ *json.UnsupportedValueError }\nfunc f(m mine) bool { return m.Value.CanAddr() }", "4: uses reflect.Value.CanAddr" + around},
		{"encoding/json", "var _ = json.UnmarshalTypeError{Type: nil}", around},
		{"encoding/json", fmt.Sprintf(value, "v := &e.Value; return v"), around},
		{"encoding/json", fmt.Sprintf(value, "type pair struct{ a, b any }; return pair{b: e.Value}"), around},
		{"encoding/json", fmt.Sprintf(value, "switch e := any(e).(type) { case *json.UnsupportedTypeError: return e.Type.Method(0) }; return nil"), "uses reflect.Type.Method" + around},
		// What type inference finds.
		{"encoding/json", "func take[V any](e struct { Value V; Str string }) any { return e.Value }\n" + fmt.Sprintf(value, "return take(*e)"), "4: has a value of type reflect.Value" + around},
		{"encoding/json", "func list[V any](e struct { Value V; Str string }) (vs []V) { return }\n" + fmt.Sprintf(value, "for _, v := range list(*e) { return v }; return nil"), "4: has a value of type reflect.Value" + around},
		{"example.com/counting/tool", "func element[S ~[]E, E any](s S) (e E) { return }\nvar _ = any(element(tool.Several))", "4: has a value of type reflect.Type" + around},
		{"google.golang.org/protobuf/types/known/durationpb", "func get[R any](m interface{ ProtoReflect() R }) any { return m.ProtoReflect() }\nvar _ = get(durationpb.New(0))", "4: has a value of type google.golang.org/protobuf/reflect/protoreflect.Message" + listed},
		{"sync/atomic", "func swap[P any](f func(*P, P) P) (p *P) { return p }\nvar _ any = swap(atomic.SwapPointer)", "4: has a value of type unsafe.Pointer" + around},
		// What packages for solutions have in their signatures.
		{"sync/atomic", "var _ = any(atomic.LoadPointer(nil))", "has a value of type unsafe.Pointer" + around},
		{"sync/atomic", "var _ any = atomic.StorePointer", "has a value of type unsafe.Pointer" + around},
		{"google.golang.org/protobuf/types/known/durationpb", "var _ any = durationpb.New(0).ProtoReflect()", "has a value of type google.golang.org/protobuf/reflect/protoreflect.Message" + listed},
		{"google.golang.org/protobuf/proto", "func f(m proto.Message) any { return m.ProtoReflect() }", "uses google.golang.org/protobuf/reflect/protoreflect.ProtoMessage.ProtoReflect" + listed},
		{"google.golang.org/grpc/status", "var _ any = status.New(1, \"\").Proto()", "uses google.golang.org/grpc/internal/status.Status.Proto" + listed},
		// Files and chance.
		{"log", "func f() { log.Writer().(interface{ Close() error }).Close() }", "uses log.Writer; it returns a file"},
		{"log", "var writer = log.Writer", "uses log.Writer; it returns a file"},
		{"log", "var _ interface{ Flags() int } = log.Default()", "uses log.Default; it leads to a file"},
		{"time", "var _, _ = time.LoadLocation(\"Europe/Paris\")", "uses time.LoadLocation; it reads files"},
		{"math/rand/v2", "var pick = rand.IntN", "uses math/rand/v2.IntN" + replay},
		{"math/rand/v2", "var pick = rand.N[int64](5)", "uses math/rand/v2.N" + replay},
		// What the course's own packages give away.
		{"example.com/counting/tool", "func f() { tool.Log{}.Close() }", "uses os.File.Close" + io},
		{"example.com/counting/tool", "type deep struct { tool.Log }\nfunc f(d deep) any { return d.Name }", "4: uses os.File.Name" + io},
		{"example.com/counting/tool", "func f(w tool.Wide) { w.File = nil }", io},
		{"example.com/counting/tool", "func f() any { return <-tool.Files }", "has a value of type os.File" + io},
		{"example.com/counting/tool", "func f() any { return tool.ByName[\"\"] }", "has a value of type testing.TB" + tested},
		{"example.com/counting/tool", "func f() { tool.ByName[\"\"].Fatal() }", "uses testing.TB.Fatal" + tested},
		{"example.com/counting/tool", "func f() any { return tool.Boxed }", "has a value of type reflect.Value" + around},
		{"example.com/counting/tool", "func f() (n int) { for range tool.Visit { n++ }; return }", "has a value of type reflect.Type" + around},
		{"example.com/counting/tool", "func f() { for t := range tool.Visit { _ = t } }", "has a value of type reflect.Type" + around},
		{"example.com/counting/tool", "func f() (all []any) { for _, t := range tool.Several { all = append(all, t) }; return }", "has a value of type reflect.Type" + around},
		{"example.com/counting/tool", "func f() (fs []any) { for _, m := range tool.Nested()() { fs = append(fs, m) }; return }", "has a value of type io/fs.FileMode" + listed},
		{"example.com/counting/tool", "func f() any { _, _, file := tool.Both(); return file }", "has a value of type os.File" + io},
		{"example.com/counting/tool", "func f() { tool.Mode(0o644) }", "has a value of type io/fs.FileMode" + listed},
	} {
		source := "package counter; import \"" + test.imports + "\"\n\n" + test.source + "\n"
		name := fmt.Sprintf("s%02d", i)
		submissions = append(submissions, submit(t, c, name, nil, packed{name: "counter/x.go", text: source}))
		want := "counter/x.go:3: "
		if line, rest, other := strings.Cut(test.want, ": "); other && line == "4" {
			want, test.want = "counter/x.go:4: ", rest
		}
		wants = append(wants, want+"\x00"+test.want)
	}
	batch := grade.Batch{Course: c, Selection: choose(t, c, "1"), Runner: &grade.Runner{}}
	grades, err := batch.Run(context.Background(), submissions)
	require.NoError(t, err)
	for i, row := range grades.Rows {
		source, err := os.ReadFile(filepath.Join(submissions[i], "counter/x.go"))
		require.NoError(t, err)
		place, reason, _ := strings.Cut(wants[i], "\x00")
		require.Equal(t, grade.Rejected, row.Status, "%s\n%s", source, row.Note)
		require.True(t, strings.HasPrefix(row.Note, place), "%s\n%s", source, row.Note)
		require.Contains(t, row.Note, reason, "%s", source)
	}
}

// What solutions do with what they may import is not refused, and neither is what no build
// takes on this system.
func TestAcceptedUses(t *testing.T) {
	c := typedCourse(t)
	var files []packed
	for i, test := range []struct{ imports, source string }{
		{"encoding/json", "func f0(e *json.SyntaxError) int64 { return e.Offset }"},
		{"errors", "type fault struct{ error }\nfunc f1(err error) bool { var f *fault; return errors.As(err, &f) }"},
		{"fmt", "type name string\nfunc (n name) String() string { return fmt.Sprint(string(n)) }\nvar _ fmt.Stringer = name(\"\")"},
		{"io", "func f3(v any) { if c, ok := v.(io.Closer); ok { c.Close() } }"},
		{"iter", "func f4() iter.Seq2[string, []int] { return func(yield func(string, []int) bool) { yield(\"\", nil) } }\nfunc f4a() { for s, l := range f4() { _, _ = s, l } }"},
		{"log", "func f5() { log.SetFlags(log.Lmicroseconds); log.Printf(\"%d\", 5) }"},
		{"log/slog", "func f6(l *slog.Logger) { l.With(slog.Int(\"a\", 1)).Info(\"x\") }"},
		{"math/rand/v2", "var f7 = rand.New(rand.NewPCG(1, 2)).IntN(7)"},
		{"math/rand", "var f8 = rand.Intn(7)"},
		{"slices", "func f9(m map[string]*Counter, ks []string) { slices.SortFunc(ks, func(a, b string) int { return m[a].n9() - m[b].n9() }) }\nfunc (c *Counter) n9() int { return 0 }"},
		{"sync", "type locked[K comparable, V any] struct { sync.Mutex; m map[K]V }\nfunc f10(l *locked[string, int]) { l.Lock(); defer l.Unlock(); l.m[\"\"]++ }"},
		{"sync/atomic", "var f11 atomic.Pointer[Counter]\nvar _ = f11.Load() == nil"},
		{"time", "func f12(d time.Duration) time.Month { return time.Now().Add(d).Month() }"},
		{"context", "func f13(ctx context.Context) error { ctx, cancel := context.WithCancel(ctx); defer cancel(); return context.Cause(ctx) }"},
		{"google.golang.org/protobuf/proto", "func f14[M proto.Message](m M) (M, error) { b, err := proto.Marshal(m); _ = b; return proto.Clone(m).(M), err }"},
		{"google.golang.org/protobuf/types/known/durationpb", "var f15 = durationpb.New(5).AsDuration()"},
		{"google.golang.org/grpc/status", "func f16(err error) string { s, _ := status.FromError(err); return s.Message() + s.Code().String() }"},
		{"example.com/counting/tool", "func f17(w tool.Wide) tool.Box[int] { v := w; return tool.Box[int]{Value: v.Plain} }"},
		{"strings", "func f18() (r any) { defer func() { r = recover() }(); var b strings.Builder; return b.String() }"},
	} {
		files = append(files, packed{name: fmt.Sprintf("counter/f%d.go", i), text: "package counter\n\nimport \"" + test.imports + "\"\n\n" + test.source + "\n"})
	}
	files = append(files,
		packed{name: "counter/old.go", text: "//go:build go1.21\n\npackage counter\n\nvar old = func() (fs []func() int) { for i := 0; i < 2; i++ { fs = append(fs, func() int { return i }) }; return }()\n"},
		packed{name: "counter/ignored.go", text: "//go:build ignore\n\npackage main\n\nfunc main() { Undefined() }\n"},
		packed{name: "counter/other_plan9.go", text: "package counter\n\nfunc f0() {}\n"},
	)
	batch := grade.Batch{Course: c, Selection: choose(t, c, "1"), Runner: &grade.Runner{}}
	grades, err := batch.Run(context.Background(), []string{submit(t, c, "honest", nil, files...)})
	require.NoError(t, err)
	require.Empty(t, grades.Rows[0].Note)
	require.Equal(t, grade.Graded, grades.Rows[0].Status)
	require.True(t, grades.Rows[0].Report.Passed())
}

// What has errors where it was checked and none where it is compiled is not run: here the
// code of a test that is part of the package, which solutions do not know.
func TestUncheckedIsNotRun(t *testing.T) {
	c := typedCourse(t)
	require.NoError(t, os.WriteFile(filepath.Join(c.Root, "counter/help_test.go"), []byte("package counter\n\nfunc help() int { return 1 }\n"), 0o644))
	batch := grade.Batch{Course: c, Selection: choose(t, c, "1"), Runner: &grade.Runner{}}
	grades, err := batch.Run(context.Background(), []string{
		submit(t, c, "helped", nil, packed{name: "counter/x.go", text: "package counter\n\nvar x = help()\n"}),
		submit(t, c, "lost", nil, packed{name: "counter/x.go", text: "package counter\n\nvar x = lost()\n"}),
	})
	require.NoError(t, err)
	require.Equal(t, grade.Rejected, grades.Rows[0].Status)
	require.Equal(t, "counter cannot be checked: counter/x.go:3:9: undefined: help", grades.Rows[0].Note)
	require.Equal(t, grade.Graded, grades.Rows[1].Status)
	require.Equal(t, "does not build: counter/x.go:3:9: undefined: lost", grades.Rows[1].Note)
}
