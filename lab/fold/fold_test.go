package fold_test

import (
	"strings"
	"testing"

	"github.com/labkv/labkv/lab/fold"
	"github.com/stretchr/testify/require"
)

func TestLines(t *testing.T) {
	for _, c := range []struct{ lines, want string }{
		{"", ""},
		{"a b c", "a b c"},
		{"a a a b", "a  (3 times)|b"},
		{"a b a b a b c", "a b|(these 2 lines come 3 times in a row)|c"},
		// The piece that covers most wins over a smaller one inside it.
		{"a a b a a b a a b", "a a b|(these 3 lines come 3 times in a row)"},
		{"x a b a b", "x a b|(these 2 lines come 2 times in a row)"},
		// A piece that is longer than allowed is not looked for.
		{"a b c d a b c d", "a b c d a b c d"},
	} {
		want := []string{}
		for i, part := range strings.Split(c.want, "|") {
			if strings.Contains(part, "(") {
				want = append(want, part)
			} else if part != "" || i > 0 {
				want = append(want, strings.Fields(part)...)
			}
		}
		got := fold.Lines(strings.Fields(c.lines), 3)
		require.Equal(t, strings.Join(want, "\n"), strings.Join(got, "\n"), c.lines)
	}
}

func TestTail(t *testing.T) {
	for text, want := range map[string]fold.Run{
		"":              {},
		"a b c":         {From: 2, Length: 1, Times: 1},
		"x y a b a b":   {From: 2, Length: 2, Times: 2},
		"b a b a b a b": {From: 1, Length: 2, Times: 3},
		"a b c c c":     {From: 2, Length: 1, Times: 3},
	} {
		require.Equal(t, want, fold.Tail(strings.Fields(text), 3), text)
	}
}

func TestMiddle(t *testing.T) {
	lines := []string{"1", "2", "3", "4", "5"}
	require.Equal(t, lines, fold.Middle(lines, 3, 1), "one line would take the place of one")
	require.Equal(t, []string{"1", "2", "… (2 lines left out)", "5"}, fold.Middle(lines, 2, 1))
}
