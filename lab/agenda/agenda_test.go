package agenda_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/lab/agenda"
	"github.com/labkv/labkv/lab/dice"
)

type event struct{ at, n int }

func (e *event) Before(o *event) bool { return e.at < o.at || e.at == o.at && e.n < o.n }

func TestOrder(t *testing.T) {
	d := dice.NewDrawer(1, 1, 0)
	var a agenda.Agenda[event, *event]
	var last event
	pending := 0
	for n := range 5000 {
		if pending > 0 && d.Chance(0.48) {
			e := a.Peek()
			require.Equal(t, e, a.Next())
			pending--
			// Nothing is added before what has been taken, so all in all the
			// events come out in order.
			require.False(t, e.Before(&last), "event %d comes too late", n)
			last = e
			continue
		}
		a.Add(event{at: last.at + d.Between(1, 9), n: n})
		pending++
	}
	require.Equal(t, pending, a.Len())
}
