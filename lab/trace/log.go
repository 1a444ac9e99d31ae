package trace

import (
	"bufio"
	"encoding/json"
	"io"

	"github.com/pingcap/errors"
)

// A Log is a run with what happened in it.
type Log struct {
	Header Header
	Events []Event
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

// Read reads a log. What follows a line that was cut off is an error, as is a log
// of a later version.
func Read(r io.Reader) (*Log, error) {
	lines := json.NewDecoder(r)
	l := &Log{}
	if err := lines.Decode(&l.Header); err != nil {
		return nil, errors.Annotate(err, "trace: no header")
	}
	if v := l.Header.Version; v < 1 || v > Version {
		return nil, errors.Errorf("trace: the log has version %d, this program reads up to %d: use a newer one", v, Version)
	}
	for {
		var e Event
		switch err := lines.Decode(&e); {
		case err == io.EOF:
			return l, nil
		case err != nil:
			return nil, errors.Annotatef(err, "trace: event %d", len(l.Events)+1)
		}
		l.Events = append(l.Events, e)
	}
}
