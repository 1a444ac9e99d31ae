package replicated

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/lab/await"
)

// Slow work that panics breaks the store in good order, not the process, and no other
// work is begun.
func TestPoolPanics(t *testing.T) {
	p := newPool(1)
	after := false
	begin := make(chan struct{})
	p.Go(func() func() { <-begin; panic("this cannot be") })
	p.Go(func() func() { after = true; return func() {} })
	close(begin)
	err := await.Receive(t, p.broken, "the panic")
	require.EqualError(t, err, "the store is broken: this cannot be")
	p.Go(func() func() { after = true; return func() {} })
	p.close()
	require.False(t, after)
}
