// Functions of CUDA's mathematical library: they bring nearly every instruction that the compiler emits, device functions included.
#include "common.cuh"
#define MAP(name, T, value) KERNEL(name)(int n, const T* __restrict__ x, T* __restrict__ y) { GRID_STRIDE(i, n) { T v = x[i]; y[i] = value; } }
MAP(expf_, float, expf(v))
MAP(logf_, float, logf(v))
MAP(tanhf_, float, tanhf(v))
MAP(sqrtf_, float, sqrtf(v))
MAP(rsqrtf_, float, rsqrtf(v))
MAP(sinf_, float, sinf(v))
MAP(cosf_, float, cosf(v))
MAP(erff_, float, erff(v))
MAP(expm1f_, float, expm1f(v))
MAP(log1pf_, float, log1pf(v))
MAP(powf_, float, powf(v, 0.75f))
MAP(reciprocalf_, float, 3.f / v)
MAP(roundf_, float, floorf(v) + 2.f * ceilf(v) + 4.f * rintf(v) + 8.f * truncf(v) + 16.f * roundf(v))
MAP(fmodf_, float, fmodf(v, 0.3f))
MAP(exp_, double, exp(v))
MAP(log_, double, log(v))
MAP(tanh_, double, tanh(v))
MAP(sqrt_, double, sqrt(v))
MAP(sin_, double, sin(v))
MAP(cos_, double, cos(v))
MAP(erf_, double, erf(v))
MAP(expm1_, double, expm1(v))
MAP(log1p_, double, log1p(v))
MAP(pow_, double, pow(v, 0.75))
MAP(reciprocal_, double, 3. / v)
MAP(round_, double, floor(v) + 2. * ceil(v) + 4. * rint(v) + 8. * trunc(v) + 16. * round(v))

typedef unsigned int u32;
typedef unsigned long long u64;
// Integer functions, all in one number.
KERNEL(integers)(int n, const u32* __restrict__ x, u64* __restrict__ y) {
  GRID_STRIDE(i, n) {
    u32 a = x[i], b = x[(i + 1) % n];
    int s = (int)a, t = (int)b | 1;
    u64 w = ((u64)a << 32) | b;
    u64 sum = __umulhi(a, b) + (u64)(u32)__mulhi(s, t) + __umul64hi(w, w) + __popc(a) + __clz(b) + __ffs(a) + __brev(a) + __popcll(w) + __clzll(w);
    sum += __byte_perm(a, b, 0x5140) + __funnelshift_l(a, b, 7) + (u64)(long long)(s / t) + (u64)(long long)(s % t) + w / (a | 1) + w % (b | 1);
    sum += __umul24(a, b) + (u64)(s >> 3) + (a >> 5) + (unsigned char)a * (unsigned short)b + (u64)(long long)(signed char)a + __usad(a, b, 7u);
    y[i] = sum;
  }
}
// Shared memory, votes, shuffles and atomics of one block.
KERNEL(together)(int n, const int* __restrict__ x, int* __restrict__ y, int* __restrict__ counters) {
  __shared__ int part[32];
  int i = threadIdx.x, v = i < n ? x[i] : 0;
  for (int d = 16; d > 0; d >>= 1) v += __shfl_xor_sync(0xffffffffu, v, d);
  if (i % 32 == 0) part[i / 32] = v;
  int positive = __syncthreads_count(i < n && x[i] > 0);
  int any = __syncthreads_or(i < n && x[i] == 7), all = __syncthreads_and(i >= n || x[i] > -1000);
  int total = 0;
  for (int w = 0; w < (int)blockDim.x / 32; ++w) total += part[w];
  u32 ballot = __ballot_sync(0xffffffffu, i % 3 == 0);
  atomicAdd(counters, 1);
  atomicMax(counters + 1, i);
  atomicMin(counters + 2, -i);
  atomicOr((u32*)counters + 3, 1u << (i % 32));
  if (i < n) y[i] = total + 10000 * positive + 1000000 * any + 2000000 * all + __popc(ballot);
}
// Local memory, a table and a struct as argument.
struct Sizes { int n[8]; int count; };
__constant__ float table[4] = {1.f, 2.f, 3.f, 4.f};
KERNEL(arrays)(Sizes sizes, float* y) {
  int i = threadIdx.x;
  float local[8] = {0.f, 0.f, 0.f, 0.f, 0.f, 0.f, 0.f, 0.f};
  for (int k = 0; k < sizes.count; k++) local[(k * i) & 7] += table[k & 3];
  y[i] = local[i & 7] + sizes.n[i & 7];
}
