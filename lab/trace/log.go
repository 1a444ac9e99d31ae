package trace

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"github.com/pingcap/errors"
)

// A Log is a run with what happened in it.
type Log struct {
	Header Header
	Events []Event
	// Cut says what Events lacks of the run. It is zero for a whole log, and no part of
	// the file.
	Cut Cut
}

// A Cut says which part of a log was kept.
type Cut struct {
	// Before and After count the events that were left out in front of those kept, and
	// behind them.
	Before, After int
	// Open is how many of the first Events were taken over from the part left out in
	// front: those that still say how things are where the kept part begins.
	Open int
	// Unfinished is the number of the event in the middle of which the file ends, from 1,
	// or 0.
	Unfinished int
}

// WriteTo writes l as JSON lines. It implements io.WriterTo.
func (l *Log) WriteTo(w io.Writer) (int64, error) {
	counted := &counter{w: w}
	buffered := bufio.NewWriter(counted)
	lines := json.NewEncoder(buffered)
	header := l.Header
	header.Version = Version
	if err := lines.Encode(header); err != nil {
		return counted.n, errors.Trace(err)
	}
	for i := range l.Events {
		if err := lines.Encode(&l.Events[i]); err != nil {
			return counted.n, errors.Trace(err)
		}
	}
	return counted.n, errors.Trace(buffered.Flush())
}

type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

// maxLine is the length that a line may have. It bounds the memory that a file takes
// that is no log.
const maxLine = 64 << 20

// A CutOffError is the error of a log whose last line is not complete, as when the
// program that wrote it was killed or the disk was full.
type CutOffError struct {
	// Event is the number of the event that is not complete, from 1.
	Event int
	cause error
}

func (e *CutOffError) Error() string {
	return fmt.Sprintf("trace: event %d, the last one, is cut off: %v", e.Event, e.cause)
}

func (e *CutOffError) Unwrap() error { return e.cause }

// Read reads a log. A log of a later version is an error. If the last line is cut off,
// the error is a *CutOffError, and Read returns what comes before it as well.
func Read(r io.Reader) (*Log, error) {
	l, lines, err := begin(r)
	if err != nil {
		return nil, err
	}
	for {
		line, err := lines.next()
		if err == io.EOF {
			return l, nil
		}
		if err == nil {
			err = l.add(line, len(l.Events)+1, lines.unfinished)
		}
		if err != nil {
			return l.upTo(err)
		}
	}
}

// ReadPart is Read for a log that may be too large: it keeps at most so many events, and
// memory for little more. They are the last ones, or, if the log tells of a violation, those
// around it. In front of them are the events of the part left out that are still true
// there: the states of replicas, what is durable, which machines are down, faults and
// operations that have begun. Lines that are left out are not checked for more than that.
func ReadPart(r io.Reader, most int) (*Log, error) {
	l, lines, err := begin(r)
	if err != nil {
		return nil, err
	}
	var (
		kept       [][]byte // a ring once it is full, whose oldest line is at first
		first      int
		open       = openEvents{}
		violation  = -1 // the number of lines in front of it
		number     int  // of lines read
		unfinished bool // the last line that was kept
	)
	oldest := func() int { return number - len(kept) - l.Cut.After }
	for {
		line, err := lines.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		if violation >= 0 && len(kept) == most && violation-oldest() <= most*3/4 {
			l.Cut.After++
			number++
			continue
		}
		if kindOf(line) == Violation {
			violation = number
		}
		unfinished = lines.unfinished
		line = bytes.Clone(line)
		if len(kept) < most {
			kept = append(kept, line)
		} else {
			if err := open.add(kept[first], l.Cut.Before+1); err != nil {
				return nil, err
			}
			l.Cut.Before++
			kept[first] = line
			first = (first + 1) % most
		}
		number++
	}
	l.Events = open.events()
	l.Cut.Open = len(l.Events)
	l.Events = slices.Grow(l.Events, len(kept))
	for i := range kept {
		at := (first + i) % len(kept)
		if err := l.add(kept[at], l.Cut.Before+i+1, unfinished && i == len(kept)-1); err != nil {
			return l.upTo(err)
		}
		kept[at] = nil
	}
	return l, nil
}

// begin reads the header of a log.
func begin(r io.Reader) (*Log, *lines, error) {
	all := &lines{r: bufio.NewReaderSize(r, 1<<16)}
	line, err := all.next()
	l := &Log{}
	if err == nil {
		err = json.Unmarshal(line, &l.Header)
	}
	if err != nil {
		return nil, nil, errors.Annotate(err, "trace: no header")
	}
	switch v := l.Header.Version; {
	case v < 1:
		return nil, nil, errors.New("trace: the first line is no header: is this the log of a run?")
	case v > Version:
		return nil, nil, errors.Errorf("trace: the log has version %d, this program reads up to %d: use a newer one", v, Version)
	}
	return l, all, nil
}

// add adds the event that a line is, the n-th of the run.
func (l *Log) add(line []byte, n int, unfinished bool) error {
	l.Events = append(l.Events, Event{})
	err := json.Unmarshal(line, &l.Events[len(l.Events)-1])
	if err == nil {
		return nil
	}
	l.Events = l.Events[:len(l.Events)-1]
	if unfinished {
		return &CutOffError{Event: n, cause: err}
	}
	return errors.Annotatef(err, "trace: event %d", n)
}

// upTo is what a reader returns that got as far as l.
func (l *Log) upTo(err error) (*Log, error) {
	if cut, ok := err.(*CutOffError); ok {
		l.Cut.Unfinished = cut.Event
		return l, err
	}
	return nil, err
}

// lines are the lines of a file that are not empty.
type lines struct {
	r    *bufio.Reader
	long []byte
	n    int
	// unfinished is true of a line that no newline ends.
	unfinished bool
}

// next returns the next line, which is valid until the next call, or io.EOF.
func (l *lines) next() ([]byte, error) {
	for {
		l.n++
		l.long = l.long[:0]
		for {
			part, err := l.r.ReadSlice('\n')
			if err != nil && err != io.EOF && err != bufio.ErrBufferFull {
				return nil, errors.Trace(err)
			}
			l.unfinished = err == io.EOF
			if err == nil && len(l.long) == 0 {
				l.long = append(l.long, part...)
				break
			}
			if len(l.long)+len(part) > maxLine {
				return nil, errors.Errorf("trace: line %d is longer than %d MB: is this the log of a run?", l.n, maxLine>>20)
			}
			l.long = append(l.long, part...)
			if err != bufio.ErrBufferFull {
				break
			}
		}
		if line := bytes.TrimSpace(l.long); len(line) > 0 {
			return line, nil
		}
		if l.unfinished {
			return nil, io.EOF
		}
	}
}

// kindOf returns the kind of the event that a line is without decoding it, "" if it has
// none. Within a text, quotes are escaped.
func kindOf(line []byte) Kind {
	_, rest, found := bytes.Cut(line, []byte(`"kind":"`))
	if !found {
		return ""
	}
	kind, _, _ := bytes.Cut(rest, []byte{'"'})
	return Kind(kind)
}

// ReadHeader reads the header of a log alone.
func ReadHeader(r io.Reader) (Header, error) {
	l, _, err := begin(r)
	if err != nil {
		return Header{}, err
	}
	return l.Header, nil
}
