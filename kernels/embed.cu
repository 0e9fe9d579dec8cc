// Rows of a table chosen by index.
#include "common.cuh"

template <typename T>
__device__ void embed_forward(const T *index, const T *table, T *y, u32 n, u32 rows, u32 width) {
    FOR_EACH(i, n) {
        T row = index[i / width];
        y[i] = is_class(row, rows) ? table[u32(row) * width + i % width] : T(0);
    }
}
ENTRY(embed_forward, (const T *index, const T *table, T *y, u32 n, u32 rows, u32 width),
      (index, table, y, n, rows, width))

// Counts indices that are none; one block.
template <typename T> __device__ void embed_count(const T *index, T *bad, u32 places, u32 rows) {
    __shared__ u32 partial[THREADS];
    u32 count = 0;
    for (u32 place = threadIdx.x; place < places; place += THREADS) count += !is_class(index[place], rows);
    count = block_sum(count, partial);
    if (threadIdx.x == 0) *bad = T(count);
}
ENTRY(embed_count, (const T *index, T *bad, u32 places, u32 rows), (index, bad, places, rows))

// A block takes rows of the table by its y and columns by its x, and looks through all indices for them: a number of the result
// is added up by one thread in the order of the indices.
template <typename T>
__device__ void embed_backward(const T *index, const T *dy, T *gradient, u32 places, u32 rows, u32 width, u32 add) {
    for (u32 row = blockIdx.y; row < rows; row += gridDim.y) {
        FOR_EACH(column, width) {
            T sum = add ? gradient[row * width + column] : T(0);
            for (u32 place = 0; place < places; place++) {
                if (index[place] == T(row)) sum += dy[place * width + column];
            }
            gradient[row * width + column] = sum;
        }
    }
}
ENTRY(embed_backward, (const T *index, const T *dy, T *gradient, u32 places, u32 rows, u32 width, u32 add),
      (index, dy, gradient, places, rows, width, add))
