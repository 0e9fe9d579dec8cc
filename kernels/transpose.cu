// Transposing a matrix, a square of WARP x WARP numbers at a time: both sides then touch whole rows of a square.
#include "common.cuh"

// Rows of a block; the host launches WARP x WARPS threads.
#define WARPS 8

// y, (columns, rows), gets x, (rows, columns). A row of the square is one number longer than a warp, so that the numbers of a
// column lie in different banks.
template <typename T> __device__ void transpose_matrix(const T *x, T *y, u32 rows, u32 columns) {
    __shared__ T square[WARP][WARP + 1];
    u32 left = blockIdx.x * WARP;
    for (u32 top = blockIdx.y * WARP; top < rows; top += gridDim.y * WARP) {
        for (u32 r = threadIdx.y; r < WARP; r += WARPS) {
            u32 row = top + r, column = left + threadIdx.x;
            if (row < rows && column < columns) square[r][threadIdx.x] = x[row * columns + column];
        }
        __syncthreads();
        for (u32 c = threadIdx.y; c < WARP; c += WARPS) {
            u32 row = top + threadIdx.x, column = left + c;
            if (row < rows && column < columns) y[column * rows + row] = square[threadIdx.x][c];
        }
        __syncthreads(); // the next square comes into the same place
    }
}
ENTRY(transpose_matrix, (const T *x, T *y, u32 rows, u32 columns), (x, y, rows, columns))
