// Keeping the norm of each output unit's weights within a limit: one block for each row.
#include "common.cuh"

template <typename T> __device__ void constraint_row_norms(T *w, u32 rows, u32 columns, double threshold) {
    __shared__ double partial[THREADS];
    __shared__ double norm;
    for (u32 row = blockIdx.x; row < rows; row += gridDim.x) {
        T *values = w + row * columns;
        double squares = 0;
        for (u32 i = threadIdx.x; i < columns; i += THREADS) squares += double(values[i]) * double(values[i]);
        squares = block_sum(squares, partial);
        if (threadIdx.x == 0) norm = sqrt(squares);
        __syncthreads();
        if (norm > threshold) {
            T factor = T(threshold / norm);
            for (u32 i = threadIdx.x; i < columns; i += THREADS) values[i] *= factor;
        }
        __syncthreads(); // before the next row replaces the norm
    }
}
ENTRY(constraint_row_norms, (T * w, u32 rows, u32 columns, double threshold), (w, rows, columns, threshold))
