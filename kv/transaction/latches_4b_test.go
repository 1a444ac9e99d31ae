package transaction_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/kv/transaction"
	"github.com/labkv/labkv/lab/graded"
)

const onLatches = "the comment on Acquire (kv/transaction/latches.go)"

// commands want latches. They run in a bubble, so that a test knows when all of them wait.
type commands struct {
	t       *graded.T
	latches *transaction.Latches
}

// A holder is a command that has asked for latches.
type holder struct {
	t       *graded.T
	keys    string
	cancel  context.CancelFunc
	answer  chan error
	release func()
}

// errMissing stands for a call of what is not written yet. The test has failed by then.
var errMissing = errors.New("not implemented")

// want asks for the latches of keys, which are letters, and returns when the command has
// them or waits.
func (c *commands) want(keys string) *holder {
	c.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	h := &holder{t: c.t, keys: keys, cancel: cancel, answer: make(chan error, 1)}
	c.t.Cleanup(cancel)
	var names [][]byte
	for _, key := range strings.Split(keys, "") {
		names = append(names, []byte(key))
	}
	go func() {
		defer c.t.Catch(func(string) { h.answer <- errMissing })
		release, err := c.latches.Acquire(ctx, names)
		h.release = release
		h.answer <- err
	}()
	synctest.Wait()
	return h
}

// waits demands that the command does not have its latches yet.
func (h *holder) waits(why string) {
	h.t.Helper()
	synctest.Wait()
	select {
	case err := <-h.answer:
		if err != nil {
			h.t.Fatalf("Acquire of %s failed: %v, and should wait: %s", h.keys, err, why)
		}
		h.t.Fatalf("Acquire of %s returned, and should wait: %s", h.keys, why)
	default:
	}
}

// has demands that the command has got its latches.
func (h *holder) has(why string) *holder {
	h.t.Helper()
	synctest.Wait()
	select {
	case err := <-h.answer:
		if err == errMissing {
			h.t.FailNow()
		}
		require.NoError(h.t, err, "Acquire of %s", h.keys)
		if h.release == nil {
			h.t.Fatalf("Acquire of %s returned no error and no release", h.keys)
		}
	default:
		h.t.Fatalf("Acquire of %s waits, and should not: %s", h.keys, why)
	}
	return h
}

// done gives the latches back.
func (h *holder) done() {
	h.release()
	synctest.Wait()
}

// givesUp ends the context of a command that waits.
func (h *holder) givesUp() {
	h.t.Helper()
	h.cancel()
	synctest.Wait()
	select {
	case err := <-h.answer:
		require.ErrorIs(h.t, err, context.Canceled, "the error of Acquire of %s, whose context has ended", h.keys)
	default:
		h.t.Fatalf("Acquire of %s still waits after its context has ended", h.keys)
	}
}

// latches runs body with fresh latches.
func latches(t *testing.T, claim string, body func(c *commands)) {
	t.Helper()
	graded.Test(t, graded.Claim{Text: claim, Source: onLatches}, func(t *graded.T) {
		t.Bubble(func(t *graded.T) { body(&commands{t, &transaction.Latches{}}) })
	})
}

func TestLatchesKeepOthersOut4B(t *testing.T) {
	latches(t, "a key has one holder at a time, and keys that no other command holds are there at once", func(c *commands) {
		first := c.want("a").has("no other command has a")
		second := c.want("a")
		second.waits("the first command has a")
		c.want("b").has("the first command has only a").done()
		third := c.want("bc").has("the first command has only a")
		c.want("cd").waits("the third command has c")
		c.want("e").has("no other command has e")
		first.done()
		second.has("the first command has released a")
		fourth := c.want("a")
		fourth.waits("the second command has a")
		second.done()
		fourth.has("the second command has released a")
		third.done()
		fourth.done()
		c.want("a").has("all others have released a").done()

		// A region without a majority keeps all its commands waiting.
		const many = 2000
		held := make(chan error, many)
		for i := range many {
			go func() {
				defer c.t.Catch(func(string) { held <- errMissing })
				_, err := c.latches.Acquire(context.Background(), [][]byte{fmt.Appendf(nil, "key %d", i)})
				held <- err
			}()
			synctest.Wait()
			if len(held) != i+1 {
				c.t.Fatalf("a command that wants key %d waits, and the other commands have other keys: %d of them", i, i)
			}
		}
	})
}

func TestLatchesOfAllKeys4B(t *testing.T) {
	latches(t, "Acquire returns when it has all keys, whichever of them comes last", func(c *commands) {
		for _, keys := range []string{"abc", "cba", "bac", "aabbcc", "abcabc"} {
			a, b, z := c.want("a").has("no other command has a"), c.want("b").has("no other command has b"), c.want("c").has("no other command has c")
			all := c.want(keys)
			all.waits("others have a, b and c")
			b.done()
			all.waits("others have a and c")
			a.done()
			all.waits("another command has c")
			z.done()
			all.has("all others have released their keys")
			var waiting []*holder
			for _, key := range []string{"a", "b", "c"} {
				h := c.want(key)
				h.waits("the command with " + keys + " has " + key)
				waiting = append(waiting, h)
			}
			all.done()
			for _, h := range waiting {
				h.has("the command with " + keys + " has released its keys").done()
			}
		}
	})
}

func TestLatchesInOrder4B(t *testing.T) {
	latches(t, "commands that wait for a key get it in the order in which they came", func(c *commands) {
		first := c.want("k").has("no other command has k")
		var waiting []*holder
		for range 6 {
			waiting = append(waiting, c.want("k"))
		}
		for i, h := range waiting {
			first.done()
			for _, later := range waiting[i:] {
				if later != h {
					later.waits("an earlier one has waited longer")
				}
			}
			first = h.has("it has waited longest")
		}
		first.done()
		c.want("k").has("all others have released k").done()
	})
}

// Two commands want the same keys in opposite order, while a third one has one of them.
func TestLatchesDoNotDeadlock4B(t *testing.T) {
	latches(t, "commands that want the same keys in different order do not wait for each other", func(c *commands) {
		for _, held := range []string{"a", "b"} {
			first := c.want(held).has("no other command has " + held)
			ab, ba := c.want("ab"), c.want("ba")
			ab.waits("the first command has " + held)
			ba.waits("the first command has " + held)
			first.done()
			synctest.Wait()
			if len(ab.answer)+len(ba.answer) == 0 {
				c.t.Fatalf("a command that wants a and b, and one that wants b and a, wait for each other")
			}
			one, other := ab, ba
			if len(ab.answer) == 0 {
				one, other = ba, ab
			}
			one.has("it comes first")
			other.waits("the other command has its keys")
			one.done()
			other.has("the other command has released its keys").done()
		}

		// A ring of commands, each of which wants what the next one wants, too.
		first := c.want("abcd").has("no other command has its keys")
		ring := []*holder{c.want("ab"), c.want("bc"), c.want("cd"), c.want("da")}
		first.done()
		for range ring {
			synctest.Wait()
			served := false
			for i, h := range ring {
				if h != nil && len(h.answer) > 0 {
					h.has("")
					h.done()
					ring[i], served = nil, true
					break
				}
			}
			if !served {
				c.t.Fatalf("commands that want a and b, b and c, c and d, d and a wait for each other")
			}
		}
	})
}

func TestLatchesAreGivenUp4B(t *testing.T) {
	latches(t, "a command whose context ends while it waits holds nothing, and delays no other", func(c *commands) {
		for _, keys := range []string{"ak", "ka", "kaz", "k"} {
			first := c.want("k").has("no other command has k")
			gone, second := c.want(keys), c.want("k")
			gone.waits("the first command has k")
			gone.givesUp()
			c.want("a").has("the command that wanted " + keys + " has given up").done()
			c.want("z").has("the command that wanted " + keys + " has given up").done()
			second.waits("the first command has k")
			third := c.want("k")
			first.done()
			second.has("the command before it has given up")
			third.waits("the second command has k")
			third.givesUp()
			second.done()
			c.want("akz").has("all others have released k, or have given up").done()
		}

		// It was first among those that wait for a key, and not for another one.
		first, other := c.want("a").has("no other command has a"), c.want("b").has("no other command has b")
		gone := c.want("ab")
		forA, forB := c.want("a"), c.want("b")
		first.done()
		gone.waits("another command has b")
		gone.givesUp()
		forA.has("the first command has released a, and the next one has given up").done()
		forB.waits("another command has b")
		other.done()
		forB.has("the other command has released b, and the next one has given up").done()
	})
}

// A store serves more keys than fit into its memory, and runs for months.
func TestLatchesAreForgotten4B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "latches take memory for the keys that commands have or want, and for no others",
		Source: "the comment on Latches (kv/transaction/latches.go)",
	}, func(t *graded.T) {
		var l transaction.Latches
		allocated := func() int64 {
			var m runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&m)
			return int64(m.HeapAlloc)
		}
		const keys, size = 30_000, 1000
		before := allocated()
		for i := range keys {
			release, err := l.Acquire(t.Context(), [][]byte{fmt.Appendf(nil, "%0*d", size, i)})
			require.NoError(t, err, "Acquire of a free key")
			release()
		}
		grown := allocated() - before
		runtime.KeepAlive(&l)
		require.Less(t, grown, int64(keys*size/4), "bytes that the latches of %d keys of %d bytes still take after all were released", keys, size)
	})
}
