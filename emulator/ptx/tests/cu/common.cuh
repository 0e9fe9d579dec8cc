// Shared by the sources of this folder.
#define KERNEL(name) extern "C" __global__ void name
#define GRID_STRIDE(i, n) for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < (n); i += blockDim.x * gridDim.x)
