package grade_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/lab/grade"
)

// What a submission may not contain is refused with the place and the reason,
// before anything is built.
func TestRefusedSources(t *testing.T) {
	c := counting(t)
	batch := grade.Batch{Course: c, Selection: choose(t, c, "1"), Runner: &grade.Runner{}}
	const head = "package counter\n\n"
	tests := []struct{ source, want string }{
		{head + "import \"os\"\n", `counter/x.go:3: imports "os"; a solution does no I/O of its own`},
		{head + "import (\n\t\"fmt\"\n\n\tsys \"os/exec\"\n)\n", `counter/x.go:6: imports "os/exec"; a solution does no I/O of its own`},
		{head + "import \"net/http\"\n", `counter/x.go:3: imports "net/http"; a solution opens no connections of its own`},
		{head + "import _ \"syscall\"\n", `counter/x.go:3: imports "syscall"; a solution does not talk to the operating system`},
		{head + "import . \"unsafe\"\n", `counter/x.go:3: imports "unsafe"; it goes around the type system`},
		{head + "import \"reflect\"\n", `counter/x.go:3: imports "reflect"; it goes around the type system`},
		{head + "import \"plugin\"\n", `counter/x.go:3: imports "plugin"; a solution loads no other code`},
		{head + "import \"runtime/debug\"\n", `counter/x.go:3: imports "runtime/debug"; a solution does not control the runtime`},
		{head + "import \"testing\"\n", `counter/x.go:3: imports "testing"; a solution does not know that it is tested`},
		{head + "// int x;\nimport \"C\"\n", `counter/x.go:4: imports "C"; cgo leaves the Go language`},
		{head + "import \"embed\"\n", `counter/x.go:3: imports "embed"; a solution consists of Go code only`},
		{head + "import `os`\n", "counter/x.go:3: imports `os`; a solution does no I/O of its own"},
		{head + "import \"\\x6fs\"\n", `counter/x.go:3: imports "\x6fs"; a solution does no I/O of its own`},
		{head + "import \"example.org/help\"\n", `counter/x.go:3: imports "example.org/help", which is not among the packages that a solution may use (see imports in course.yaml)`},
		{head + "import \"example.com/counting/behave\"\n", `counter/x.go:3: imports "example.com/counting/behave", which this stage does not need`},
		{head + "import \"github.com/labkv/labkv/lab/graded\"\n", `counter/x.go:3: imports "github.com/labkv/labkv/lab/graded", which is not among`},
		{head + "//go:linkname now time.now\nfunc now()\n", "counter/x.go:3: the directive //go:linkname is not accepted"},
		{"//go:debug asyncpreemptoff=0\n" + head, "counter/x.go:1: the directive //go:debug is not accepted"},
		{head + "import \"hash/maphash\"\n", `counter/x.go:3: imports "hash/maphash"; it cannot be replayed`},
		{head + "import \"encoding/json\"\n", `counter/x.go:3: imports "encoding/json"; only what computes plainly is needed`},
		{head + "//go:embed x.txt\nvar x string\n", "counter/x.go:3: the directive //go:embed is not accepted"},
		{head + "//go:cgo_import_dynamic x x \"libc.so\"\n", "counter/x.go:3: the directive //go:cgo_import_dynamic is not accepted"},
		{head + "//go:noescape\nfunc f()\n", "counter/x.go:3: the directive //go:noescape is not accepted"},
		{head + "func f() {\n\t//go:nosplit\n}\n", "counter/x.go:4: the directive //go:nosplit is not accepted"},
		{head + "//line other.go:1\nimport \"os\"\n", `counter/x.go:4: imports "os"; a solution does no I/O of its own (and 1 more)`},
		{head + "/*line other.go:1*/ var x int\n", "counter/x.go:3: the directive /*line is not accepted"},
		{head + "import (\n\t\"os\"\n\t\"net\"\n\t\"unsafe\"\n)\n", `counter/x.go:4: imports "os"; a solution does no I/O of its own (and 2 more)`},
	}
	var submissions []string
	for i, test := range tests {
		submissions = append(submissions, submit(t, c, fmt.Sprint(i), nil, packed{name: "counter/x.go", text: test.source}))
	}
	grades, err := batch.Run(context.Background(), submissions)
	require.NoError(t, err)
	for i, test := range tests {
		require.Equal(t, grade.Rejected, grades.Rows[i].Status, test.source)
		require.Contains(t, grades.Rows[i].Note, test.want)
	}
}
