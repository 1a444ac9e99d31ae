package grade

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/labkv/labkv/lab/course"
	"github.com/labkv/labkv/lab/graded"
)

// crash is what the Go runtime printed when it ended a process.
type crash struct {
	message string // one line: "panic: runtime error: index out of range [5] with length 3"
	todo    string // "TODO(2AA): implement (*Raft).Step", if that was the panic
	at      string // file:line of the innermost frame that a student wrote
	frames  []frame
}

// frame is a call in the course's tree.
type frame struct {
	function string // without the package's path
	at       string // file:line, relative to the root
	editable bool
}

var (
	tracebackFile = regexp.MustCompile(`^\t(.+\.go):(\d+)(?: \+0x[0-9a-f]+)?$`)
	recovered     = regexp.MustCompile(`( \[recovered(, repanicked)?\])+$`)
)

// maxFrames bounds the stack that is shown.
const maxFrames = 8

// parseCrash finds the runtime's report in what a process printed.
func parseCrash(c *course.Course, output string) (crash, bool) {
	lines := strings.Split(strings.ReplaceAll(output, "\r\n", "\n"), "\n")
	first := -1
	for i, line := range lines {
		if strings.HasPrefix(line, "panic: ") || strings.HasPrefix(line, "fatal error: ") {
			first = i
			break
		}
	}
	if first < 0 {
		return crash{}, false
	}
	var cr crash
	stack := first + 1
	message := []string{lines[first]}
	for ; stack < len(lines) && lines[stack] != "" && !strings.HasPrefix(lines[stack], "goroutine "); stack++ {
		if strings.HasPrefix(lines[stack], "\t") || strings.HasPrefix(lines[stack], "[signal ") {
			continue // a panic while panicking, or the signal's number and addresses
		}
		message = append(message, lines[stack])
	}
	cr.message = recovered.ReplaceAllString(oneLine(strings.Join(message, " ")), "")
	if text, ok := strings.CutPrefix(cr.message, "panic: "); ok && strings.HasPrefix(text, "TODO(") {
		cr.todo = text
	}
	cr.frames = treeFrames(c, lines[stack:])
	for _, f := range cr.frames {
		if f.editable {
			cr.at = f.at
			break
		}
	}
	if cr.at == "" && len(cr.frames) > 0 {
		cr.at = cr.frames[0].at
	}
	return cr, true
}

// treeFrames returns the frames of the first goroutine that has any in the
// course's tree, innermost first. Frames of the harness are left out.
func treeFrames(c *course.Course, lines []string) []frame {
	prefix := filepath.ToSlash(c.Root) + "/"
	var frames []frame
	for i, line := range lines {
		if strings.HasPrefix(line, "goroutine ") && len(frames) > 0 {
			break
		}
		m := tracebackFile.FindStringSubmatch(line)
		if m == nil || i == 0 || strings.HasPrefix(lines[i-1], "created by ") {
			continue
		}
		file, ok := strings.CutPrefix(filepath.ToSlash(m[1]), prefix)
		if !ok || strings.HasPrefix(file, "lab/graded/") {
			continue
		}
		frames = append(frames, frame{
			function: shortFunction(lines[i-1]),
			at:       file + ":" + m[2],
			editable: c.Editable(file),
		})
	}
	return frames
}

// shortFunction turns "example.com/m/raft.(*Raft).Step(0xc0001, {0x1, …})" into
// "raft.(*Raft).Step".
func shortFunction(call string) string {
	if i := strings.LastIndexByte(call, '('); i > 0 && strings.HasSuffix(call, ")") {
		call = call[:i]
	}
	return call[strings.LastIndexByte(call, '/')+1:]
}

// stackSection shows frames, one a line.
func stackSection(frames []frame) []graded.Section {
	if len(frames) == 0 {
		return nil
	}
	var b strings.Builder
	for i, f := range frames {
		if i == maxFrames {
			b.WriteString("…\n")
			break
		}
		fmt.Fprintf(&b, "%s  %s\n", f.at, f.function)
	}
	return []graded.Section{{Name: "stack", Text: strings.TrimRight(b.String(), "\n")}}
}

// maxLine bounds a one-line reason in bytes.
const maxLine = 400

func oneLine(text string) string {
	line := strings.Join(strings.Fields(text), " ")
	if len(line) > maxLine {
		line = strings.ToValidUTF8(line[:maxLine], "") + " …"
	}
	return line
}
