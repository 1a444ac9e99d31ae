package main

import (
	"strings"
	"testing"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/stretchr/testify/require"
)

// A screen is a terminal as wide as rows are long. Like the simplest ones it knows
// no escape sequences and goes on to the next row after the last column.
type screen struct {
	t      *testing.T
	rows   [][]rune
	width  int
	column int
}

func newScreen(t *testing.T, width int) *screen {
	s := &screen{t: t, width: width}
	s.newRow()
	return s
}

func (s *screen) newRow() {
	s.rows = append(s.rows, []rune(strings.Repeat(" ", s.width)))
	s.column = 0
}

func (s *screen) Write(p []byte) (int, error) {
	for _, r := range string(p) {
		switch {
		case r == '\r':
			s.column = 0
		case r == '\b':
			s.column--
		default:
			require.GreaterOrEqual(s.t, r, ' ', "a control character")
			s.rows[len(s.rows)-1][s.column] = r
			if s.column++; s.column == s.width {
				s.newRow()
			}
		}
	}
	return len(p), nil
}

func (s *screen) String() string {
	var lines []string
	for _, row := range s.rows {
		lines = append(lines, strings.TrimRight(string(row), " "))
	}
	return strings.Join(lines, "\n")
}

func TestProgress(t *testing.T) {
	for _, width := range []int{80, 40, 20, 4, 3, 1} {
		s := newScreen(t, width)
		p := &progress{out: s, width: func() int { return width }, begin: time.Now(), ended: make(chan struct{})}
		p.update(0, 0, "building")
		if width > 20 {
			require.Equal(t, "0 s  building", s.String())
		}
		p.update(9, 10, "TestOfWhichTheNameIsFarTooLongForMostOfTheTerminalsThatThereAre1")
		p.update(10, 10, "TestB1")
		if width > 60 {
			require.Equal(t, "████████████████████  10/10  0 s  TestB1", s.String())
		} else if width > 20 {
			require.Equal(t, "10/10  0 s  TestB1", s.String())
		}
		s.Write([]byte("^C")[:max(0, min(2, width-2))]) // an interrupt
		p.stop()
		p.stop()
		p.update(10, 10, "TestC1")
		require.Empty(t, s.String(), "width %d", width)
		require.Zero(t, s.column)
	}
	new(progress).stop()
	new(progress).update(1, 2, "without a terminal")
}

func TestProgressText(t *testing.T) {
	require.Equal(t, "█████░░░░░░░░░░░░░░░  25/100  61 s  TestA1", progressText(25, 100, 61*time.Second, "TestA1", 77))
	require.Equal(t, "25/100  61 s  TestA1", progressText(25, 100, 61*time.Second, "TestA1", 37))
	require.Equal(t, "25/100  61 s…", progressText(25, 100, 61*time.Second, "TestA1", 13))
	for width := range 100 {
		require.LessOrEqual(t, text.StringWidth(progressText(3, 7, time.Minute, "TestA1", width)), width)
	}
}
