package grade

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/lab/course"
)

// A look is what a watch sees at some time after the start of a process.
type look struct {
	at, cpu time.Duration // cpu is negative if it is not known
}

// A busy machine changes no verdict, and a process that waits for what does not come ends
// after its budget.
func TestOutOfTime(t *testing.T) {
	const s = time.Second
	for _, c := range []struct {
		name  string
		looks []look
		want  string // "" while the process goes on
	}{
		{"computes", []look{{s, s}, {9 * s, 9 * s}, {10 * s, 10 * s}}, "10s of processor time"},
		{"computes on a busy machine", []look{{10 * s, 2 * s}, {20 * s, 4 * s}, {49 * s, 9 * s}}, ""},
		{"computes and waits", []look{{9 * s, s}, {18 * s, 2 * s}, {27 * s, 3 * s}, {36 * s, 4 * s}, {45 * s, 5 * s}, {50 * s, 6 * s}}, "50s of real time"},
		{"waits", []look{{s, s}, {10 * s, s}, {11 * s, s + s/20}}, "10s of real time"},
		{"waits not long enough", []look{{s, s}, {10 * s, s}}, ""},
		{"is not known", []look{{9 * s, -1}, {10 * s, -1}}, "10s of real time"},
	} {
		t.Run(c.name, func(t *testing.T) {
			begin := time.Now()
			var up error
			w := &watch{budget: course.Budget{Time: 10 * s}, begin: begin, active: begin, timeUp: func(err error) { up = err }}
			for i, l := range c.looks {
				w.lookAtTime(begin.Add(l.at), usage{cpu: l.cpu}, true)
				if i < len(c.looks)-1 {
					require.NoError(t, up, l.at)
				}
			}
			if c.want == "" {
				require.NoError(t, up)
			} else {
				require.EqualError(t, up, c.want)
			}
		})
	}
}
