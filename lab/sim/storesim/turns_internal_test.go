package storesim

import (
	"runtime"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/lab/check"
)

// Handlers get their answers in the order of their calls, and each comes as far as it can
// before the next one goes on: also one that takes longer.
func TestHandlersHaveTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const handlers = 8
		var ts turns
		var mu sync.Mutex
		var order []uint64
		for client := uint64(handlers); client > 0; client-- {
			answer := make(chan struct{})
			go func() {
				<-answer
				for range handlers - client {
					runtime.Gosched()
				}
				mu.Lock()
				defer mu.Unlock()
				order = append(order, client)
			}()
			ts.answer(check.Command{Client: client, N: 1}, func() { close(answer) })
		}
		require.True(t, ts.giveAnswers())
		synctest.Wait()
		require.Equal(t, []uint64{1, 2, 3, 4, 5, 6, 7, 8}, order)
		require.False(t, ts.giveAnswers())
	})
}
